// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {BabyJubJub} from "../libraries/BabyJubJub.sol";
import {IEscape} from "../interfaces/IEscape.sol";
import {IForced} from "../interfaces/IForced.sol";
import {IInsurance} from "../interfaces/IInsurance.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Lanes} from "../libraries/Lanes.sol";

/// @title The vault; see `IVault` for what each function promises.
/// @dev The only contract that calls tokens: always last, with the books as they will be, and never from a settlement. So a
/// token that reverts, or calls back, stops nothing but its own payment.
contract Vault is IVault, ReentrancyGuard {
    using Lanes for uint64[7];
    using Lanes for uint256[2];
    using SafeERC20 for IERC20;

    uint256 private constant CAP_MAX = 1 << 63;
    uint256 private constant STEP = 10;
    uint256 private constant OPEN = 1;
    uint256 private constant TOPUP = 2;
    uint256 private constant WITHDRAW = 3;
    uint256 private constant UNWIND = 5;
    uint256 private constant FORCED = 7;
    uint256 private constant DISCHARGE = 8;
    uint256 private constant BOUNCE = 9;
    /// @dev Places of a round's marks.
    uint256 private constant PRICE = 0;
    uint256 private constant SELL = 5;
    uint256 private constant BUY = 6;

    struct Asset {
        IERC20 token;
        uint8 tokenDecimals;
        uint8 decimals;
        uint64 cap;
        uint64 minOpen;
        uint64 minDeposit;
        /// Token units of one unit of the rollup; 0: a token unit is several of those.
        uint256 unit;
        /// Units of the rollup of one token unit; 1 where the token is finer.
        uint256 grain;
    }

    /// @dev Amounts in custody are at most the cap, so they and their parts fit 64 bits.
    struct Book {
        uint64 custody;
        uint64 queued;
        uint64 pending;
        uint64 claimable;
        int128 accounts;
        int128 backstop;
        uint128 consumed;
        /// When the asset was last liquidated.
        uint40 unwindStart;
    }

    struct Queue {
        uint64 first;
        uint64 end;
        /// In live time, of the last deposit.
        uint40 deadline;
        uint32 nextIndex;
        uint32 opened;
    }

    /// @dev Of an epoch that ended with the backstop under water; all others pay in full.
    struct Ratio {
        uint256 num;
        uint256 den;
    }

    /// @dev What `Checkpoint` holds, packed.
    struct Recorded {
        uint256 root;
        uint256[2] prices;
        uint64 round;
        uint40 timestamp;
        uint64 deposits;
        uint64 epoch;
        int256 equity;
        uint256 value;
        uint128[8] consumed;
    }

    address private immutable DEPLOYER;
    IRounds private immutable ROUNDS;
    uint32 private immutable DEPOSIT_DELAY;
    uint32 private immutable DEPOSIT_SPACING;
    uint32 private immutable UNWIND_DURATION;
    uint256 private immutable OPENING_FEE;
    /// @dev Cash included.
    uint256 private immutable ASSETS;

    /// @inheritdoc IVault
    address public settlement;
    /// @inheritdoc IVault
    bool public frozen;
    /// @inheritdoc IVault
    uint64 public insuring;
    /// @inheritdoc IVault
    address public forced;
    /// @inheritdoc IVault
    address public insurance;
    /// @inheritdoc IVault
    address public escape;
    /// @inheritdoc IVault
    uint256 public badDebt;

    Asset[8] private _assets;
    Book[8] private _books;
    Queue private _queue;
    mapping(uint256 id => Deposit) private _deposits;
    Withdrawal[] private _withdrawals;
    Recorded private _record;
    mapping(uint256 epoch => Ratio) private _ratios;
    /// @inheritdoc IVault
    mapping(address owner => uint256) public coins;

    modifier onlySettlement() {
        if (msg.sender != settlement) revert NotSettlement();
        _;
    }

    modifier onlyInsurance() {
        if (msg.sender != insurance) revert NotInsurance();
        _;
    }

    modifier onlyEscape() {
        if (msg.sender != escape) revert NotEscape();
        _;
    }

    modifier live() {
        if (settlement == address(0)) revert NotBound();
        if (frozen) revert Frozen();
        _;
    }

    /// @param assets Assets 0, 1, ... as `Rounds` numbers them.
    constructor(Config memory c, AssetConfig[] memory assets) {
        IRounds rounds_ = IRounds(c.rounds);
        if (assets.length != rounds_.assetCount() + 1) revert InvalidConfig("assets");
        if (c.depositDelay <= 2 * rounds_.maxAge()) revert InvalidConfig("depositDelay");
        if (c.unwindDuration == 0) revert InvalidConfig("unwindDuration");
        DEPLOYER = msg.sender;
        ROUNDS = rounds_;
        DEPOSIT_DELAY = c.depositDelay;
        DEPOSIT_SPACING = c.depositSpacing;
        UNWIND_DURATION = c.unwindDuration;
        OPENING_FEE = c.openingFee;
        ASSETS = assets.length;
        if (assets[0].token == address(0)) revert InvalidConfig("cash");
        for (uint256 a = 0; a < assets.length; ++a) {
            for (uint256 b = 0; b < a; ++b) {
                // Two assets of one token would share a balance.
                if (assets[a].token != address(0) && assets[a].token == assets[b].token) revert InvalidConfig("token");
            }
            _addAsset(a, assets[a], rounds_.decimals(a));
        }
    }

    /// @inheritdoc IVault
    function bind(address settlement_, address forced_, address insurance_, address escape_) external {
        if (msg.sender != DEPLOYER) revert NotDeployer();
        if (settlement != address(0)) revert AlreadyBound();
        if (ISettlement(settlement_).vault() != address(this)) revert InvalidConfig("settlement");
        if (IForced(forced_).vault() != address(this)) revert InvalidConfig("forced");
        if (IInsurance(insurance_).vault() != address(this)) revert InvalidConfig("insurance");
        IEscape.Config memory e = IEscape(escape_).config();
        if (e.vault != address(this) || e.settlement != settlement_ || e.forced != forced_ || e.insurance != insurance_) {
            revert InvalidConfig("escape");
        }
        if (ROUNDS.settlement() != settlement_) revert InvalidConfig("rounds");
        settlement = settlement_;
        forced = forced_;
        insurance = insurance_;
        escape = escape_;
        _record.root = ISettlement(settlement_).accountsRoot();
        _record.timestamp = uint40(block.timestamp);
        emit Bound(settlement_, forced_, insurance_, escape_);
    }

    // ------------------------------------------------------------------------------------------------- deposits

    /// @inheritdoc IVault
    function open(uint8 asset, uint256 tokenAmount, uint256 ax, uint256 ay)
        external
        payable
        live
        nonReentrant
        returns (uint256 depositId, uint32 index)
    {
        if (msg.value != OPENING_FEE) revert WrongFee(OPENING_FEE);
        if (!BabyJubJub.isCanonical(ax, ay)) revert NotCanonical();
        if (!BabyJubJub.isOnCurve(ax, ay)) revert NotOnCurve();
        if (BabyJubJub.isSmallOrder(ax, ay)) revert SmallOrder();
        index = _queue.nextIndex;
        if (index >= ISettlement(settlement).accountsMax()) revert AccountsFull();
        _queue.nextIndex = index + 1;
        coins[ISettlement(settlement).operator()] += msg.value;
        depositId = _enqueue(DepositKind.Open, index, asset, tokenAmount, ax, ay);
        _receive(asset, msg.sender, tokenAmount);
    }

    /// @inheritdoc IVault
    function topUp(uint32 index, uint8 asset, uint256 tokenAmount)
        external
        live
        nonReentrant
        returns (uint256 depositId)
    {
        if (index >= _queue.nextIndex) revert UnknownAccount(index);
        depositId = _enqueue(DepositKind.TopUp, index, asset, tokenAmount, 0, 0);
        _receive(asset, msg.sender, tokenAmount);
    }

    /// @inheritdoc IVault
    function refund(uint256 depositId) external nonReentrant {
        Deposit storage deposit_ = _deposits[depositId];
        DepositState state = deposit_.state;
        if (state == DepositState.Refunded) revert AlreadyRefunded(depositId);
        bool voided = frozen && depositId >= _record.deposits && depositId < _queue.end;
        if (state != DepositState.Bounced && !voided) revert NotRefundable(depositId);
        deposit_.state = DepositState.Refunded;
        (uint8 asset, uint64 amount) = (deposit_.asset, deposit_.amount);
        Book storage book = _books[asset];
        if (state == DepositState.Consumed) book.accounts -= int128(uint128(amount));
        else book.queued -= amount;
        book.custody -= amount;
        // A deposit is of whole token units.
        uint256 tokenAmount = _toTokenDown(asset, amount);
        emit Refunded(depositId, tokenAmount);
        _assets[asset].token.safeTransfer(deposit_.depositor, tokenAmount);
    }

    /// @inheritdoc IVault
    function donate(uint8 asset, uint256 tokenAmount) external live nonReentrant {
        uint64 amount = _takeIn(asset, tokenAmount);
        if (amount == 0) revert AmountZero();
        _books[asset].backstop += int128(uint128(amount));
        emit Donated(msg.sender, asset, amount);
        _receive(asset, msg.sender, tokenAmount);
    }

    // ------------------------------------------------------------------------------------------------- payments

    /// @inheritdoc IVault
    function claim(uint256 withdrawalId) external nonReentrant {
        if (withdrawalId >= _withdrawals.length) revert UnknownWithdrawal(withdrawalId);
        Withdrawal storage w = _withdrawals[withdrawalId];
        if (msg.sender != w.recipient) revert NotRecipient();
        if (w.claimed) revert AlreadyClaimed(withdrawalId);
        (uint256 num, uint256 den) = ratio(w.epoch);
        if (den == 0) revert NotCheckpointed(withdrawalId);
        w.claimed = true;
        uint8 asset = w.asset;
        (uint64 paid, uint256 tokenAmount) = _payableDown(asset, uint64(uint256(w.amount) * num / den));
        Book storage book = _books[asset];
        book.claimable -= paid;
        book.custody -= paid;
        emit Claimed(withdrawalId, tokenAmount);
        _assets[asset].token.safeTransfer(msg.sender, tokenAmount);
    }

    /// @inheritdoc IVault
    function takeCoins() external nonReentrant {
        uint256 amount = coins[msg.sender];
        if (amount == 0) revert NothingToTake();
        coins[msg.sender] = 0;
        Address.sendValue(payable(msg.sender), amount);
    }

    // ----------------------------------------------------------------------------------------------- settlement

    /// @inheritdoc IVault
    function applySteps(uint256[] calldata steps, uint256 active) external onlySettlement live nonReentrant {
        uint64[9][7] memory marks;
        for (uint256 i = 0; i < active; ++i) {
            uint256[] calldata step = steps[STEP * i:STEP * (i + 1)];
            uint256 op = step[0];
            if (op == OPEN || op == TOPUP || op == BOUNCE) {
                _consume(i, op, step);
            } else if (op == WITHDRAW) {
                _withdraw(step);
            } else if (op == FORCED || op == DISCHARGE) {
                _serve(op, step);
                if (op == FORCED) _withdraw(step);
            } else if (op == UNWIND) {
                // Its batch needs a fresh round, so the price is not 0.
                if (marks[0][PRICE] == 0) marks = ROUNDS.marks();
                _unwind(i, step, marks);
            }
        }
    }

    /// @inheritdoc IVault
    function liquidated(int256[8] calldata delta, uint256 badDebt_) external onlySettlement live nonReentrant {
        for (uint256 a = 0; a < 8; ++a) {
            if (delta[a] == 0) continue;
            Book storage book = _books[a];
            book.backstop += int128(delta[a]);
            book.accounts -= int128(delta[a]);
            if (a > 0) book.unwindStart = uint40(block.timestamp);
        }
        if (badDebt_ > 0) badDebt += badDebt_;
    }

    /// @inheritdoc IVault
    /// @dev The withdrawals of the epoch are part of the value that the ratio shares out, so it is exactly what those who stay
    /// would get from an escape: while the backstop is under water, leaving early gains nothing.
    function checkpoint(uint256 root) external onlySettlement live nonReentrant {
        uint64[7] memory prices = _prices();
        (int256 equity, uint256 value) = _worth(prices);
        (uint256 num, uint256 den) = (1, 1);
        uint256 epoch = _record.epoch;
        if (equity < 0) {
            (num, den) = (value, value + uint256(-equity));
            _ratios[epoch] = Ratio(num, den);
        }
        for (uint256 a = 0; a < ASSETS; ++a) {
            Book storage book = _books[a];
            uint64 pending = book.pending;
            if (pending == 0) continue;
            uint64 paid = uint64(uint256(pending) * num / den);
            book.pending = 0;
            book.claimable += paid;
            book.backstop += int128(uint128(pending - paid));
        }
        if (equity >= 0) _insure(equity);
        _store(root, prices, epoch + 1);
        emit Checkpointed(epoch + 1, root, _record.round, _record.deposits, num, den);
        IEscape(escape).onCheckpoint();
    }

    /// @inheritdoc IVault
    function reserveIndices(uint256 count) external onlySettlement live nonReentrant {
        if (_queue.nextIndex != 0) revert IndicesTaken();
        if (count > ISettlement(settlement).accountsMax()) revert AccountsFull();
        _queue.nextIndex = uint32(count);
        _queue.opened = uint32(count);
    }

    // ------------------------------------------------------------------------------------------------ insurance

    /// @inheritdoc IVault
    function insureIn(address from, uint256 tokenAmount)
        external
        onlyInsurance
        live
        nonReentrant
        returns (uint64 amount)
    {
        amount = _takeIn(0, tokenAmount);
        if (amount == 0) revert AmountZero();
        insuring += amount;
        _receive(0, from, tokenAmount);
    }

    /// @inheritdoc IVault
    function insureOut(address to, uint64 amount) external onlyInsurance nonReentrant {
        insuring -= amount;
        _books[0].custody -= amount;
        // It came in as whole token units.
        _assets[0].token.safeTransfer(to, _toTokenDown(0, amount));
    }

    /// @inheritdoc IVault
    function payInsurer(address to, uint64 amount) external onlyInsurance nonReentrant returns (uint64 paid) {
        uint256 tokenAmount;
        (paid, tokenAmount) = _payableDown(0, amount);
        _books[0].claimable -= paid;
        _books[0].custody -= paid;
        _assets[0].token.safeTransfer(to, tokenAmount);
    }

    // --------------------------------------------------------------------------------------------------- escape

    /// @inheritdoc IVault
    function freeze() external onlyEscape live nonReentrant returns (uint64[8] memory holdings) {
        frozen = true;
        for (uint256 a = 0; a < ASSETS; ++a) {
            if (address(_assets[a].token) == address(0)) continue;
            Book storage book = _books[a];
            // Withdrawals since the checkpoint are void.
            book.accounts += int128(uint128(book.pending));
            book.pending = 0;
            // Deposits since then are refunds, whether consumed or not.
            uint256 others = uint256(book.claimable) + book.queued + (book.consumed - _record.consumed[a]);
            if (a == 0) others += insuring;
            holdings[a] = book.custody > others ? uint64(book.custody - others) : 0;
        }
        emit FrozenAt(_record.epoch);
    }

    /// @inheritdoc IVault
    function payShare(uint8 asset, address to, uint64 amount, bool ofBackstop)
        external
        onlyEscape
        nonReentrant
        returns (uint256 tokenAmount)
    {
        uint64 paid;
        (paid, tokenAmount) = _payableDown(asset, amount);
        Book storage book = _books[asset];
        book.custody -= paid;
        if (ofBackstop) book.backstop -= int128(uint128(paid));
        else book.accounts -= int128(uint128(paid));
        _assets[asset].token.safeTransfer(to, tokenAmount);
    }

    // ---------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IVault
    function ledger(uint8 asset) external view returns (Ledger memory) {
        Book memory b = _books[asset];
        return Ledger(b.custody, b.queued, b.pending, b.claimable, b.accounts, b.backstop, b.consumed);
    }

    /// @inheritdoc IVault
    function free(uint8 asset) public view returns (uint256) {
        Book storage book = _books[asset];
        uint256 bound = uint256(book.pending) + book.claimable + book.queued;
        if (asset == 0) bound += insuring;
        return book.custody > bound ? book.custody - bound : 0;
    }

    /// @inheritdoc IVault
    function shortfall(uint8 asset) external view returns (uint256) {
        uint256 balance = _toUnitsDown(asset, _assets[asset].token.balanceOf(address(this)));
        uint256 custody = _books[asset].custody;
        return balance < custody ? custody - balance : 0;
    }

    /// @inheritdoc IVault
    function backstop() external view returns (int256[8] memory vector) {
        for (uint256 a = 0; a < 8; ++a) {
            vector[a] = _books[a].backstop;
        }
    }

    /// @inheritdoc IVault
    function unwindPrice(uint8 asset) external view returns (uint256) {
        int256 held = _books[asset].backstop;
        if (asset == 0 || held == 0) return 0;
        return _unwindPrice(asset, held > 0, ROUNDS.marks());
    }

    /// @inheritdoc IVault
    function deposit(uint256 id) external view returns (Deposit memory) {
        return _deposits[id];
    }

    /// @inheritdoc IVault
    function depositQueue() external view returns (uint256 first, uint256 end) {
        return (_queue.first, _queue.end);
    }

    /// @inheritdoc IVault
    function depositOverdue() external view returns (bool) {
        uint256 first = _queue.first;
        return first < _queue.end && _deposits[first].deadline < ROUNDS.liveTime();
    }

    /// @inheritdoc IVault
    function withdrawal(uint256 id) external view returns (Withdrawal memory) {
        if (id >= _withdrawals.length) revert UnknownWithdrawal(id);
        return _withdrawals[id];
    }

    /// @inheritdoc IVault
    function withdrawalCount() external view returns (uint256) {
        return _withdrawals.length;
    }

    /// @inheritdoc IVault
    function ratio(uint256 epoch) public view returns (uint256 num, uint256 den) {
        if (epoch >= _record.epoch) return (0, 0);
        (num, den) = (_ratios[epoch].num, _ratios[epoch].den);
        if (den == 0) (num, den) = (1, 1);
    }

    /// @inheritdoc IVault
    function lastCheckpoint() external view returns (Checkpoint memory) {
        Recorded memory r = _record;
        return Checkpoint(
            r.root, r.prices.unpack(), r.round, r.timestamp, r.deposits, r.epoch, r.equity, r.value, r.consumed
        );
    }

    /// @inheritdoc IVault
    function epochs() external view returns (uint256) {
        return _record.epoch;
    }

    /// @inheritdoc IVault
    function checkpointedAt() external view returns (uint256) {
        return _record.timestamp;
    }

    /// @inheritdoc IVault
    function nextIndex() external view returns (uint32) {
        return _queue.nextIndex;
    }

    /// @inheritdoc IVault
    function opened() external view returns (uint32) {
        return _queue.opened;
    }

    /// @inheritdoc IVault
    function requireWithdrawable(uint256 asset, uint256 amount) public view {
        if (asset >= ASSETS || address(_assets[asset].token) == address(0)) revert NotSpot(asset);
        if (amount == 0) revert AmountZero();
        if (amount > CAP_MAX) revert AmountTooLarge(amount);
        if (amount % _assets[asset].grain != 0) revert NotRepresentable(asset, amount);
    }

    /// @inheritdoc IVault
    function assetInfo(uint8 asset)
        external
        view
        returns (
            address token,
            uint8 tokenDecimals,
            uint8 decimals,
            uint64 cap,
            uint64 minOpen,
            uint64 minDeposit
        )
    {
        Asset storage a = _assets[asset];
        return (address(a.token), a.tokenDecimals, a.decimals, a.cap, a.minOpen, a.minDeposit);
    }

    /// @inheritdoc IVault
    function config() external view returns (Config memory) {
        return Config({
            rounds: address(ROUNDS),
            depositDelay: DEPOSIT_DELAY,
            depositSpacing: DEPOSIT_SPACING,
            unwindDuration: UNWIND_DURATION,
            openingFee: OPENING_FEE
        });
    }

    /// @inheritdoc IVault
    function rounds() external view returns (address) {
        return address(ROUNDS);
    }

    // -------------------------------------------------------------------------------------------------- private

    function _addAsset(uint256 number, AssetConfig memory c, uint8 decimals) private {
        Asset storage asset = _assets[number];
        asset.decimals = decimals;
        if (c.token == address(0)) return;
        if (c.cap == 0 || c.cap > CAP_MAX) revert InvalidConfig("cap");
        if (c.minOpen == 0 || c.minDeposit == 0) revert InvalidConfig("minimum");
        uint8 tokenDecimals = IERC20Metadata(c.token).decimals();
        if (tokenDecimals > 36) revert InvalidConfig("tokenDecimals");
        asset.token = IERC20(c.token);
        asset.tokenDecimals = tokenDecimals;
        asset.cap = c.cap;
        asset.minOpen = c.minOpen;
        asset.minDeposit = c.minDeposit;
        bool finer = tokenDecimals >= decimals;
        asset.unit = finer ? 10 ** (tokenDecimals - decimals) : 0;
        asset.grain = finer ? 1 : 10 ** (decimals - tokenDecimals);
    }

    function _enqueue(DepositKind kind, uint32 index, uint8 asset, uint256 tokenAmount, uint256 ax, uint256 ay)
        private
        returns (uint256 id)
    {
        uint64 amount = _takeIn(asset, tokenAmount);
        uint256 minimum = kind == DepositKind.Open ? _assets[asset].minOpen : _assets[asset].minDeposit;
        if (amount < minimum) revert BelowMinimum(amount, minimum);
        _books[asset].queued += amount;

        id = _queue.end++;
        uint256 due = ROUNDS.liveTime() + DEPOSIT_DELAY;
        uint256 spaced = uint256(_queue.deadline) + DEPOSIT_SPACING;
        uint40 deadline = uint40(spaced > due ? spaced : due);
        _queue.deadline = deadline;
        _deposits[id] = Deposit(msg.sender, asset, kind, DepositState.Queued, index, deadline, amount, ax, ay);
        emit Deposited(id, index, uint8(kind), asset, amount, ax, ay, msg.sender, deadline);
    }

    /// @dev Books what is about to be received; the caller books whose it is.
    function _takeIn(uint8 asset, uint256 tokenAmount) private returns (uint64 amount) {
        if (asset >= ASSETS || address(_assets[asset].token) == address(0)) revert NotSpot(asset);
        Asset storage a = _assets[asset];
        uint256 units = _toUnitsDown(asset, tokenAmount);
        if (a.unit > 1 && tokenAmount % a.unit != 0) revert NotRepresentable(asset, tokenAmount);
        uint256 custody = _books[asset].custody;
        if (units > a.cap || custody + units > a.cap) revert CapExceeded(custody, a.cap);
        _books[asset].custody = uint64(custody + units);
        return uint64(units);
    }

    function _receive(uint8 asset, address from, uint256 tokenAmount) private {
        IERC20 token = _assets[asset].token;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), tokenAmount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != tokenAmount) revert WrongReceived(received, tokenAmount);
    }

    /// @dev Takes the deposit at the head of the queue, which must be what the step says.
    function _consume(uint256 number, uint256 op, uint256[] calldata step) private {
        uint64 id = _queue.first;
        Deposit storage d = _deposits[id];
        DepositKind kind = op == OPEN ? DepositKind.Open : DepositKind.TopUp;
        (uint8 asset, uint64 amount) = (d.asset, d.amount);
        if (
            id >= _queue.end || d.kind != kind || step[1] != d.index || step[6] != asset || step[7] != amount
                || (op == OPEN && (step[8] != d.ax || step[9] != d.ay))
        ) revert WrongDeposit(number);
        _queue.first = id + 1;
        if (op == BOUNCE) {
            d.state = DepositState.Bounced;
            emit DepositBounced(id);
            return;
        }
        d.state = DepositState.Consumed;
        if (op == OPEN) ++_queue.opened;
        Book storage book = _books[asset];
        book.queued -= amount;
        book.accounts += int128(uint128(amount));
        book.consumed += amount;
        emit DepositConsumed(id);
    }

    function _withdraw(uint256[] calldata step) private {
        (uint256 asset, uint256 amount, uint256 recipient) = (step[6], step[7], step[8]);
        requireWithdrawable(asset, amount);
        if (recipient == 0 || recipient >> 160 != 0) revert BadRecipient(recipient);
        uint256 available = free(uint8(asset));
        if (amount > available) revert BeyondFreeCustody(asset, amount, available);
        Book storage book = _books[asset];
        book.accounts -= int128(uint128(amount));
        book.pending += uint64(amount);
        uint64 epoch = _record.epoch;
        address to = address(uint160(recipient));
        emit WithdrawalPending(_withdrawals.length, step[1], to, uint8(asset), uint64(amount), epoch);
        _withdrawals.push(Withdrawal(to, uint8(asset), uint64(amount), epoch, false));
    }

    function _serve(uint256 op, uint256[] calldata step) private {
        IForced(forced).consume(
            op, step[1], step[6], step[7], step[8], step[9], step[2], step[3], step[4], step[5]
        );
    }

    /// @dev y / x against the price of this second, on the side that is better for the backstop.
    function _unwind(uint256 number, uint256[] calldata step, uint64[9][7] memory marks) private {
        (uint256 asset, uint256 x, uint256 y, bool buys) = (step[6], step[7], step[8], step[9] == 1);
        int256 held = asset > 0 && asset < ASSETS ? _books[asset].backstop : int256(0);
        uint256 size = buys == held > 0 ? uint256(held > 0 ? held : -held) : 0;
        if (x > size || x == 0) revert BackstopSide(number);
        if (x > type(uint64).max || y > type(uint64).max) revert AmountTooLarge(x > y ? x : y);
        uint256 worth = x * _unwindPrice(asset, buys, marks);
        if (buys ? y << 32 < worth : y << 32 > worth) revert BackstopPrice(number);

        int128 dx = int128(uint128(x));
        int128 dy = int128(uint128(y));
        if (!buys) (dx, dy) = (-dx, -dy);
        _books[asset].backstop -= dx;
        _books[asset].accounts += dx;
        _books[0].backstop += dy;
        _books[0].accounts -= dy;
        emit Unwound(uint8(asset), buys ? 1 : 0, uint64(x), uint64(y));
    }

    /// @dev From `price` to `sell` (what it offers) or `buy` (what it asks for), in proportion to time.
    function _unwindPrice(uint256 asset, bool offers, uint64[9][7] memory marks) private view returns (uint256) {
        uint256 t = block.timestamp - _books[asset].unwindStart;
        if (t > UNWIND_DURATION) t = UNWIND_DURATION;
        uint64[9] memory m = marks[asset - 1];
        uint256 price = m[PRICE];
        return offers
            ? price - (price - m[SELL]) * t / UNWIND_DURATION
            : price + (m[BUY] - price) * t / UNWIND_DURATION;
    }

    function _prices() private view returns (uint64[7] memory prices) {
        uint64[9][7] memory marks = ROUNDS.marks();
        for (uint256 a = 0; a < 7; ++a) {
            prices[a] = marks[a][PRICE];
        }
    }

    /// @return equity Of the backstop.
    /// @return value Of accounts, backstop and pending withdrawals: what is in custody for
    /// them, as synthetics cancel.
    function _worth(uint64[7] memory prices) private view returns (int256 equity, uint256 value) {
        for (uint256 a = 0; a < ASSETS; ++a) {
            uint256 price = a == 0 ? 1 << 32 : prices[a - 1];
            equity += int256(price) * _books[a].backstop;
            if (address(_assets[a].token) != address(0)) value += price * (free(uint8(a)) + _books[a].pending);
        }
    }

    function _insure(int256 equity) private {
        Book storage cash = _books[0];
        (uint64 converted, uint64 paid) = IInsurance(insurance).onCheckpoint(equity, cash.backstop, free(0));
        if (converted == 0 && paid == 0) return;
        insuring -= converted;
        cash.backstop = cash.backstop + int128(uint128(converted)) - int128(uint128(paid));
        cash.claimable += paid;
    }

    function _store(uint256 root, uint64[7] memory prices, uint256 epoch) private {
        Recorded storage r = _record;
        r.root = root;
        r.prices = prices.pack();
        r.round = uint64(ROUNDS.roundNumber());
        r.timestamp = uint40(block.timestamp);
        r.deposits = _queue.first;
        r.epoch = uint64(epoch);
        (r.equity, r.value) = _worth(prices);
        for (uint256 a = 0; a < ASSETS; ++a) {
            uint128 consumed = _books[a].consumed;
            if (r.consumed[a] != consumed) r.consumed[a] = consumed;
        }
    }

    function _toUnitsDown(uint8 asset, uint256 tokenAmount) private view returns (uint256) {
        uint256 unit = _assets[asset].unit;
        return unit == 0 ? tokenAmount * _assets[asset].grain : tokenAmount / unit;
    }

    function _toTokenDown(uint8 asset, uint256 amount) private view returns (uint256) {
        uint256 unit = _assets[asset].unit;
        return unit == 0 ? amount / _assets[asset].grain : amount * unit;
    }

    /// @return paid The amount, down to whole token units.
    /// @return tokenAmount The same in token units.
    function _payableDown(uint8 asset, uint64 amount) private view returns (uint64 paid, uint256 tokenAmount) {
        tokenAmount = _toTokenDown(asset, amount);
        paid = uint64(amount - amount % _assets[asset].grain);
    }
}
