// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IEscape} from "../interfaces/IEscape.sol";
import {IForced} from "../interfaces/IForced.sol";
import {IGovernance} from "../interfaces/IGovernance.sol";
import {IInsurance} from "../interfaces/IInsurance.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Backstop} from "../libraries/Backstop.sol";
import {BabyJubJub} from "../libraries/BabyJubJub.sol";
import {Book} from "../libraries/Book.sol";
import {Deadlines} from "../libraries/Deadlines.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Layout} from "../libraries/Layout.sol";
import {PackedWithdrawal} from "../libraries/PackedWithdrawal.sol";
import {Scale, TokenUnits} from "../libraries/TokenUnits.sol";
import {NativeCredits} from "./NativeCredits.sol";

/// @title The vault; see `IVault` for what each function promises.
/// @dev The only contract that calls tokens: always last, with the books as they will be, and never from a settlement.
/// So a token that reverts, or calls back, stops nothing but its own payment.
contract Vault is IVault, NativeCredits {
    using Backstop for Book[8];
    using Lanes for uint64[7];
    using Lanes for uint256[2];
    using PackedWithdrawal for uint256;
    using SafeERC20 for IERC20;

    uint256 private constant CAP_MAX = 1 << 63;
    /// @dev The bit of `IGovernance.halt` for new accounts.
    uint8 private constant OPENING_HALTED = 1;
    /// @dev 2^32: the price of cash.
    uint256 private constant ONE = 1 << 32;

    struct Asset {
        IERC20 token;
        uint8 tokenDecimals;
        uint8 decimals;
        uint64 cap;
        uint64 minOpen;
        uint64 minDeposit;
        Scale scale;
    }

    struct Queue {
        uint64 first;
        uint64 end;
        /// In live time, of the last deposit.
        uint40 deadline;
        uint32 nextIndex;
        uint32 opened;
    }

    struct Clocks {
        uint32 depositDelay;
        uint32 depositSpacing;
        uint32 unwindDuration;
        uint96 openingFee;
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
        uint40 round;
        uint40 timestamp;
        uint64 deposits;
        uint40 epoch;
        /// Epochs up to the last that ended with the backstop not under water, that one included.
        uint40 sound;
        int256 equity;
        uint256 value;
        uint128[8] consumed;
    }

    address private immutable DEPLOYER;
    IRounds private immutable ROUNDS;
    IGovernance private immutable GOVERNANCE;
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
    Clocks private _clocks;
    mapping(uint256 id => Deposit) private _deposits;
    /// @dev As `PackedWithdrawal`.
    uint256[] private _withdrawals;
    /// @dev Of withdrawals for whose epoch a word has no room.
    mapping(uint256 withdrawalId => uint256) private _lateEpochs;
    Recorded private _record;
    mapping(uint256 epoch => Ratio) private _ratios;
    /// @inheritdoc IVault
    mapping(uint32 index => bytes32) public ownerOf;

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

    modifier onlyGovernance() {
        if (msg.sender != address(GOVERNANCE)) revert NotGovernance();
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
        GOVERNANCE = IGovernance(rounds_.governance());
        _clocks = Clocks(c.depositDelay, c.depositSpacing, c.unwindDuration, c.openingFee);
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
        if (
            e.vault != address(this) || e.settlement != settlement_ || e.forced != forced_ || e.insurance != insurance_
        ) {
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
    function open(uint8 asset, uint256 tokenAmount, uint256 ax, uint256 ay, bool evenUnderWater)
        external
        payable
        live
        nonReentrant
        returns (uint256 depositId, uint32 index)
    {
        if (msg.value != _clocks.openingFee) revert WrongFee(_clocks.openingFee);
        if (GOVERNANCE.halted(OPENING_HALTED)) revert Halted();
        if (!BabyJubJub.isCanonical(ax, ay)) revert NotCanonical();
        if (!BabyJubJub.isOnCurve(ax, ay)) revert NotOnCurve();
        if (BabyJubJub.isSmallOrder(ax, ay)) revert SmallOrder();
        // What comes in would be cut on its way out.
        if (_record.equity < 0 && !evenUnderWater) revert UnderWater();
        index = _queue.nextIndex;
        if (index >= ISettlement(settlement).accountsMax()) revert AccountsFull();
        _queue.nextIndex = index + 1;
        ownerOf[index] = _ownerOf(ax, ay);
        uint256 tips = msg.value * ROUNDS.tipShare() / 10_000;
        nativeCredits[ISettlement(settlement).operator()] += msg.value - tips;
        if (tips > 0) ROUNDS.addTips{value: tips}();
        depositId = _enqueue(DepositKind.Open, index, asset, tokenAmount, ax, ay);
        _receive(asset, msg.sender, tokenAmount);
    }

    /// @inheritdoc IVault
    function topUp(uint32 index, bytes32 owner, uint8 asset, uint256 tokenAmount)
        external
        live
        nonReentrant
        returns (uint256 depositId)
    {
        _requireOwner(index, owner, _queue.nextIndex);
        depositId = _enqueue(DepositKind.TopUp, index, asset, tokenAmount, 0, 0);
        _receive(asset, msg.sender, tokenAmount);
    }

    /// @inheritdoc IVault
    /// @dev It stays in the queue as a deposit of nothing, so that no other deposit, index or deadline moves. The
    /// operator knows from the deadline from when on a batch that consumes it may find it changed.
    function takeBack(uint256 depositId) external live nonReentrant {
        Deposit storage deposit_ = _deposits[depositId];
        if (msg.sender != deposit_.depositor) revert NotDepositor();
        (uint8 asset, uint64 amount) = (deposit_.asset, deposit_.amount);
        if (depositId < _queue.first || amount == 0) revert NotQueued(depositId);
        if (deposit_.deadline >= ROUNDS.liveTime()) revert NotOverdue(depositId);
        deposit_.amount = 0;
        _books[asset].queued -= amount;
        uint256 tokenAmount = _assets[asset].scale.toTokenDown(amount);
        emit TakenBack(depositId, tokenAmount);
        _giveBack(deposit_, asset, amount, tokenAmount);
    }

    /// @inheritdoc IVault
    function refund(uint256 depositId) external nonReentrant {
        Deposit storage deposit_ = _deposits[depositId];
        DepositState state = deposit_.state;
        (uint8 asset, uint64 amount) = (deposit_.asset, deposit_.amount);
        bool voided = frozen && depositId >= _record.deposits && depositId < _queue.end;
        if (state == DepositState.Refunded || (voided && amount == 0)) revert AlreadyRefunded(depositId);
        if (state != DepositState.Bounced && !voided) revert NotRefundable(depositId);
        deposit_.state = DepositState.Refunded;
        if (state == DepositState.Consumed) _books[asset].accounts -= int128(uint128(amount));
        else _books[asset].queued -= amount;
        uint256 tokenAmount = _assets[asset].scale.toTokenDown(amount);
        emit Refunded(depositId, tokenAmount);
        _giveBack(deposit_, asset, amount, tokenAmount);
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
        uint256 w = _withdrawal(withdrawalId);
        if (w.claimed()) revert AlreadyClaimed(withdrawalId);
        (uint256 num, uint256 den) = payout(withdrawalId);
        if (den == 0) revert NotCheckpointed(withdrawalId);
        _withdrawals[withdrawalId] = w | PackedWithdrawal.CLAIMED;
        uint8 asset = w.asset();
        (uint64 paid, uint256 tokenAmount) = _assets[asset].scale.payableDown(uint64(uint256(w.amount()) * num / den));
        Book storage book = _books[asset];
        book.claimable -= paid;
        book.custody -= paid;
        emit Claimed(withdrawalId, tokenAmount);
        _assets[asset].token.safeTransfer(w.recipient(), tokenAmount);
    }

    // ----------------------------------------------------------------------------------------------- settlement

    /// @inheritdoc IVault
    function applySteps(uint256[] calldata steps, uint256 active) external onlySettlement live nonReentrant {
        uint64[11][7] memory marks;
        for (uint256 i = 0; i < active; ++i) {
            uint256[] calldata step = steps[Layout.STEP * i:Layout.STEP * (i + 1)];
            uint256 op = step[Layout.STEP_OP];
            if (op == Layout.OP_OPEN || op == Layout.OP_TOPUP || op == Layout.OP_BOUNCE) {
                _consume(i, op, step);
            } else if (op == Layout.OP_WITHDRAW) {
                _withdraw(step);
            } else if (op == Layout.OP_FORCED || op == Layout.OP_DISCHARGE) {
                _serve(op, step);
                if (op == Layout.OP_FORCED) _withdraw(step);
            } else if (op == Layout.OP_UNWIND) {
                // Its batch needs a fresh round, so the price mark is not 0.
                if (marks[0][Layout.MARK_PRICE] == 0) marks = ROUNDS.marks();
                _unwind(i, step, marks);
            }
        }
    }

    /// @inheritdoc IVault
    function liquidated(int256[8] calldata delta, uint256 badDebt_) external onlySettlement live nonReentrant {
        for (uint256 a = 0; a < 8; ++a) {
            if (delta[a] == 0) continue;
            Book storage book = _books[a];
            book.takeOver(int128(delta[a]));
            if (a > 0) book.unwindStart = uint40(block.timestamp);
        }
        if (badDebt_ > 0) badDebt += badDebt_;
    }

    /// @inheritdoc IVault
    /// @dev The withdrawals of the epoch, and those that wait, are part of the value that the ratio shares out, so it
    /// is exactly what those who stay would get from an escape: while the backstop is under water, leaving early gains
    /// nothing.
    function checkpoint(uint256 root) external onlySettlement live nonReentrant {
        (,, uint64[7] memory prices) = ROUNDS.round();
        uint256 epoch = _record.epoch;
        (int256 equity, uint256 value) = _worth(prices);
        (uint256 num, uint256 den) = (1, 1);
        if (equity < 0) (num, den) = _cut(epoch, prices, equity, value);
        for (uint256 a = 0; a < ASSETS; ++a) {
            _books[a].endEpoch(equity >= 0, num, den);
        }
        if (equity >= 0) _insure(equity);
        _store(root, prices, epoch + 1, equity >= 0);
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

    // ----------------------------------------------------------------------------------------------- governance

    /// @inheritdoc IVault
    function setTerms(
        uint32 depositDelay,
        uint32 depositSpacing,
        uint32 unwindDuration,
        uint96 openingFee,
        uint64[8] calldata caps
    ) external onlyGovernance {
        _clocks = Clocks(depositDelay, depositSpacing, unwindDuration, openingFee);
        for (uint256 a = 0; a < ASSETS; ++a) {
            _assets[a].cap = caps[a];
        }
    }

    /// @inheritdoc IVault
    function lowerCap(uint8 asset, uint64 cap) external onlyGovernance {
        _assets[asset].cap = cap;
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
        _assets[0].token.safeTransfer(to, _assets[0].scale.toTokenDown(amount));
    }

    /// @inheritdoc IVault
    function payCash(address to, uint64 amount) external onlyInsurance nonReentrant returns (uint64 paid) {
        uint256 tokenAmount;
        (paid, tokenAmount) = _assets[0].scale.payableDown(amount);
        _books[0].claimable -= paid;
        _books[0].custody -= paid;
        _assets[0].token.safeTransfer(to, tokenAmount);
    }

    // --------------------------------------------------------------------------------------------------- escape

    /// @inheritdoc IVault
    function freeze() external onlyEscape live nonReentrant returns (uint64[8] memory holdings) {
        frozen = true;
        uint256 epoch = _record.epoch;
        (uint256 num, uint256 den) = epoch == 0 ? (1, 1) : ratio(epoch - 1);
        for (uint256 a = 0; a < ASSETS; ++a) {
            if (address(_assets[a].token) == address(0)) continue;
            Book storage book = _books[a];
            book.close(num, den);
            // Deposits since then are refunds, whether consumed or not.
            uint256 others = uint256(book.claimable) + book.queued + (book.consumed - _record.consumed[a]);
            if (a == 0) others += insuring;
            holdings[a] = book.custody > others ? uint64(book.custody - others) : 0;
        }
        emit FrozenAt(epoch);
    }

    /// @inheritdoc IVault
    function payShare(uint8 asset, address to, uint64 amount, bool ofBackstop)
        external
        onlyEscape
        nonReentrant
        returns (uint256 tokenAmount)
    {
        uint64 paid;
        (paid, tokenAmount) = _assets[asset].scale.payableDown(amount);
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
        return Ledger(
            b.custody, b.queued, b.pending, b.claimable - b.waiting, b.accounts, b.backstop, b.consumed, b.waiting
        );
    }

    /// @inheritdoc IVault
    function free(uint8 asset) public view returns (uint256) {
        return _books[asset].free(asset == 0 ? insuring : 0);
    }

    /// @inheritdoc IVault
    function shortfall(uint8 asset) external view returns (uint256) {
        uint256 balance = _assets[asset].scale.toUnitsDown(_assets[asset].token.balanceOf(address(this)));
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
    function equityLow() external view returns (int256) {
        if (!_books.hasInventory(ASSETS)) return int256(_books[0].backstop) << 32;
        return _books.worthLow(ASSETS, ROUNDS.marks());
    }

    /// @inheritdoc IVault
    function unwindPrice(uint8 asset) external view returns (uint256) {
        int256 held = _books[asset].backstop;
        if (asset == 0 || held == 0) return 0;
        return _books.unwindPrice(asset, held > 0, _clocks.unwindDuration, ROUNDS.marks());
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
        uint256 w = _withdrawal(id);
        return Withdrawal(w.recipient(), w.asset(), w.amount(), uint64(_epochOf(id, w)), w.claimed(), w.inFull());
    }

    /// @inheritdoc IVault
    function payout(uint256 id) public view returns (uint256 num, uint256 den) {
        uint256 w = _withdrawal(id);
        uint256 epoch = _epochOf(id, w);
        if (!w.inFull()) return ratio(epoch);
        uint256 ended = _record.epoch;
        if (epoch < _record.sound) return (1, 1);
        // Nothing waits any longer then.
        if (frozen && epoch < ended) return ratio(ended - 1);
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
    function requireAccount(uint32 index, bytes32 owner) external view {
        _requireOwner(index, owner, _queue.opened);
    }

    /// @inheritdoc IVault
    function requireWithdrawable(uint256 asset, uint256 amount) public view {
        if (asset >= ASSETS || address(_assets[asset].token) == address(0)) revert NotSpot(asset);
        if (amount == 0) revert AmountZero();
        if (amount > CAP_MAX) revert AmountTooLarge(amount);
        if (amount % _assets[asset].scale.unitsPerTokenUnit != 0) revert NotRepresentable(asset, amount);
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
            depositDelay: _clocks.depositDelay,
            depositSpacing: _clocks.depositSpacing,
            unwindDuration: _clocks.unwindDuration,
            openingFee: _clocks.openingFee
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
        asset.scale = TokenUnits.scale(tokenDecimals, decimals);
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
        uint40 deadline =
            Deadlines.next(_queue.deadline, _clocks.depositDelay, _clocks.depositSpacing, ROUNDS.liveTime());
        _queue.deadline = deadline;
        _deposits[id] = Deposit(msg.sender, asset, kind, DepositState.Queued, index, deadline, amount);
        emit Deposited(id, index, uint8(kind), asset, amount, ax, ay, msg.sender, deadline);
    }

    /// @dev Books what is about to be received; the caller books whose it is.
    function _takeIn(uint8 asset, uint256 tokenAmount) private returns (uint64 amount) {
        if (asset >= ASSETS || address(_assets[asset].token) == address(0)) revert NotSpot(asset);
        Asset storage a = _assets[asset];
        uint256 units = a.scale.toUnitsDown(tokenAmount);
        if (!a.scale.isWhole(tokenAmount)) revert NotRepresentable(asset, tokenAmount);
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

    /// @dev Gives a deposit, which is of whole token units, back to its depositor.
    function _giveBack(Deposit storage deposit_, uint8 asset, uint64 amount, uint256 tokenAmount) private {
        _books[asset].custody -= amount;
        _assets[asset].token.safeTransfer(deposit_.depositor, tokenAmount);
    }

    function _requireOwner(uint32 index, bytes32 owner, uint256 end) private view {
        if (index >= end) revert UnknownAccount(index);
        if (ownerOf[index] != owner) revert WrongOwner(index);
    }

    function _ownerOf(uint256 ax, uint256 ay) private pure returns (bytes32) {
        return keccak256(abi.encode(ax, ay));
    }

    /// @dev Takes the deposit at the head of the queue, which must be what the step says.
    function _consume(uint256 number, uint256 op, uint256[] calldata step) private {
        uint64 id = _queue.first;
        Deposit storage d = _deposits[id];
        DepositKind kind = op == Layout.OP_OPEN ? DepositKind.Open : DepositKind.TopUp;
        (uint8 asset, uint64 amount) = (d.asset, d.amount);
        if (
            id >= _queue.end || d.kind != kind || step[Layout.STEP_INDEX] != d.index
                || step[Layout.STEP_ASSET] != asset || step[Layout.STEP_AMOUNT] != amount
                || (op == Layout.OP_OPEN && _ownerOf(step[Layout.STEP_U], step[Layout.STEP_V]) != ownerOf[d.index])
        ) revert WrongDeposit(number);
        _queue.first = id + 1;
        if (op == Layout.OP_BOUNCE) {
            d.state = DepositState.Bounced;
            emit DepositBounced(id);
            return;
        }
        d.state = DepositState.Consumed;
        if (op == Layout.OP_OPEN) ++_queue.opened;
        Book storage book = _books[asset];
        book.queued -= amount;
        book.accounts += int128(uint128(amount));
        book.consumed += amount;
        emit DepositConsumed(id);
    }

    function _withdraw(uint256[] calldata step) private {
        (uint256 asset, uint256 amount, uint256 extra) =
            (step[Layout.STEP_ASSET], step[Layout.STEP_AMOUNT], step[Layout.STEP_U]);
        requireWithdrawable(asset, amount);
        if (extra.recipient() == address(0) || extra > type(uint160).max | PackedWithdrawal.IN_FULL) {
            revert BadRecipient(extra);
        }
        uint256 available = free(uint8(asset));
        if (amount > available) revert BeyondFreeCustody(asset, amount, available);
        Book storage book = _books[asset];
        book.accounts -= int128(uint128(amount));
        book.pending += uint64(amount);
        bool inFull = extra.inFull();
        if (inFull) book.pendingInFull += uint64(amount);
        (uint256 id, uint256 epoch) = (_withdrawals.length, _record.epoch);
        emit WithdrawalPending(
            id, step[Layout.STEP_INDEX], extra.recipient(), uint8(asset), uint64(amount), epoch, inFull
        );
        _withdrawals.push(PackedWithdrawal.pack(extra, asset, amount, epoch));
        if (epoch >= PackedWithdrawal.EPOCH_END) _lateEpochs[id] = epoch;
    }

    function _withdrawal(uint256 id) private view returns (uint256) {
        if (id >= _withdrawals.length) revert UnknownWithdrawal(id);
        return _withdrawals[id];
    }

    function _epochOf(uint256 id, uint256 w) private view returns (uint256 epoch) {
        epoch = w.epoch();
        if (epoch == PackedWithdrawal.EPOCH_END) epoch = _lateEpochs[id];
    }

    function _serve(uint256 op, uint256[] calldata step) private {
        IForced(forced).consume(
            op,
            step[Layout.STEP_INDEX],
            step[Layout.STEP_ASSET],
            step[Layout.STEP_AMOUNT],
            step[Layout.STEP_U],
            step[Layout.STEP_V],
            step[Layout.STEP_LEAF],
            step[Layout.STEP_CIPHER],
            step[Layout.STEP_CIPHER + 1],
            step[Layout.STEP_CIPHER + 2]
        );
    }

    /// @dev y / x against the price of this second, on the side that is better for the backstop.
    function _unwind(uint256 number, uint256[] calldata step, uint64[11][7] memory marks) private {
        (uint256 asset, uint256 x, uint256 y, bool buys) =
            (step[Layout.STEP_ASSET], step[Layout.STEP_AMOUNT], step[Layout.STEP_U], step[Layout.STEP_V] == 1);
        if (x > _books.size(asset, buys) || x == 0) revert BackstopSide(number);
        if (x > type(uint64).max || y > type(uint64).max) revert AmountTooLarge(x > y ? x : y);
        uint256 worth = x * _books.unwindPrice(asset, buys, _clocks.unwindDuration, marks);
        if (buys ? y << 32 < worth : y << 32 > worth) revert BackstopPrice(number);

        int128 dx = int128(uint128(x));
        int128 dy = int128(uint128(y));
        if (!buys) (dx, dy) = (-dx, -dy);
        _books[asset].takeOver(-dx);
        _books[0].takeOver(dy);
        emit Unwound(uint8(asset), buys ? 1 : 0, uint64(x), uint64(y));
    }

    function _priceOf(uint64[7] memory prices, uint256 asset) private pure returns (uint256) {
        return asset == 0 ? ONE : prices[asset - 1];
    }

    /// @return equity Of the backstop.
    /// @return value Of accounts and backstop: what is in custody for them, as synthetics cancel.
    function _worth(uint64[7] memory prices) private view returns (int256 equity, uint256 value) {
        for (uint256 a = 0; a < ASSETS; ++a) {
            uint256 price = _priceOf(prices, a);
            equity += int256(price) * _books[a].backstop;
            if (address(_assets[a].token) != address(0)) value += price * free(uint8(a));
        }
    }

    /// @dev The ratio of an epoch that ends under water. What it takes off withdrawals is owed, in cash.
    /// @param value Of accounts and backstop.
    function _cut(uint256 epoch, uint64[7] memory prices, int256 equity, uint256 value)
        private
        returns (uint256 num, uint256 den)
    {
        uint256 cut;
        uint256 whole;
        for (uint256 a = 0; a < ASSETS; ++a) {
            Book storage book = _books[a];
            (uint256 price, uint256 inFull) = (_priceOf(prices, a), book.pendingInFull);
            cut += price * (book.pending - inFull);
            whole += price * (inFull + book.waiting);
        }
        num = value + cut + whole;
        den = num + uint256(-equity);
        _ratios[epoch] = Ratio(num, den);
        // Values are below 2^126: the sum of seven of 2^60 times 2^63.
        uint256 owed = (cut - (cut * num + den - 1) / den) >> 32;
        if (owed > 0) IInsurance(insurance).onCut(epoch, cut, owed, prices);
    }

    function _insure(int256 equity) private {
        Book storage cash = _books[0];
        (uint64 converted, uint64 paid) = IInsurance(insurance).onCheckpoint(equity, cash.backstop, free(0));
        if (converted == 0 && paid == 0) return;
        insuring -= converted;
        cash.backstop = cash.backstop + int128(uint128(converted)) - int128(uint128(paid));
        cash.claimable += paid;
    }

    function _store(uint256 root, uint64[7] memory prices, uint256 epoch, bool sound) private {
        Recorded storage r = _record;
        r.root = root;
        r.prices = prices.pack();
        r.round = uint40(ROUNDS.roundNumber());
        r.timestamp = uint40(block.timestamp);
        r.deposits = _queue.first;
        r.epoch = uint40(epoch);
        if (sound) r.sound = uint40(epoch);
        (r.equity, r.value) = _worth(prices);
        for (uint256 a = 0; a < ASSETS; ++a) {
            uint128 consumed = _books[a].consumed;
            if (r.consumed[a] != consumed) r.consumed[a] = consumed;
        }
    }
}
