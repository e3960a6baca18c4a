// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IGovernance} from "../interfaces/IGovernance.sol";
import {IInsurance} from "../interfaces/IInsurance.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Layout} from "../libraries/Layout.sol";

/// @title The insurers' shares; see `IInsurance` for what each function promises.
/// @dev Holds no tokens: the vault does. Everything that a user has in a period ends at the same price, worked out when
/// the user is next looked at. Every division is in favor of the shares that stay.
contract Insurance is IInsurance {
    using Lanes for uint64[7];
    using Lanes for uint256[2];

    /// @dev Shares of one unit of cash at first; also as many as stand, together with one unit, beside all others in
    /// every price, so that nobody gains by being first and giving the backstop a present.
    uint256 private constant OFFSET = 1e6;
    /// @dev A conversion beyond it waits.
    uint256 private constant SHARES_MAX = type(uint128).max;
    /// @dev The bit of `IGovernance.halt` for new insurance.
    uint8 private constant INSURING_HALTED = 2;

    struct Period {
        uint64 converted;
        uint64 paid;
        uint256 minted;
        uint256 offered;
        uint256 returned;
    }

    struct Insurer {
        uint64 waiting;
        uint64 collectable;
        /// Of `waiting` and `offered`.
        uint64 period;
        uint256 offered;
        /// Without those offered.
        uint256 shares;
    }

    /// @dev What an epoch's withdrawals were worth, 2^32 scale, and the part of the line of debts that is theirs.
    struct Cut {
        uint128 value;
        uint128 start;
        uint256 amount;
        uint256[2] prices;
    }

    struct Line {
        uint128 total;
        uint128 repaid;
    }

    IVault private immutable VAULT;
    IRounds private immutable ROUNDS;
    IGovernance private immutable GOVERNANCE;

    /// @inheritdoc IInsurance
    uint256 public period;
    /// @inheritdoc IInsurance
    uint256 public totalShares;
    uint256 private _offered;
    /// @dev In which the period's requests were made, while there are any.
    uint256 private _round;
    mapping(uint256 period => Period) private _periods;
    mapping(address insurer => Insurer) private _insurers;
    Line private _line;
    mapping(uint256 epoch => Cut) private _cuts;
    mapping(uint256 withdrawalId => uint256) private _collected;

    modifier onlyVault() {
        if (msg.sender != address(VAULT)) revert NotVault();
        _;
    }

    modifier live() {
        if (VAULT.frozen()) revert Frozen();
        _;
    }

    constructor(address vault_) {
        VAULT = IVault(vault_);
        ROUNDS = IRounds(VAULT.rounds());
        GOVERNANCE = IGovernance(ROUNDS.governance());
    }

    /// @inheritdoc IInsurance
    function insure(uint256 tokenAmount) external live {
        if (GOVERNANCE.halted(INSURING_HALTED)) revert Halted();
        _request();
        Insurer storage insurer = _settled(msg.sender);
        uint64 amount = VAULT.insureIn(msg.sender, tokenAmount);
        insurer.waiting += amount;
        emit Insured(msg.sender, amount, period);
    }

    /// @inheritdoc IInsurance
    function cancel() external {
        Insurer storage insurer = _settled(msg.sender);
        uint64 amount = insurer.waiting;
        if (amount == 0) revert NothingWaiting();
        insurer.waiting = 0;
        emit Cancelled(msg.sender, amount);
        VAULT.insureOut(msg.sender, amount);
    }

    /// @inheritdoc IInsurance
    function redeem(uint256 shares) external live {
        if (shares == 0) revert SharesZero();
        _request();
        Insurer storage insurer = _settled(msg.sender);
        if (shares > insurer.shares) revert NotEnoughShares(insurer.shares);
        insurer.shares -= shares;
        insurer.offered += shares;
        _offered += shares;
        emit Redeeming(msg.sender, shares, period);
    }

    /// @inheritdoc IInsurance
    function collect() external {
        Insurer storage insurer = _settled(msg.sender);
        uint64 amount = insurer.collectable;
        if (amount == 0) revert NothingToCollect();
        // What is no whole token unit stays; the vault is the only one to call in between, and does not.
        insurer.collectable = 0;
        uint64 paid = VAULT.payCash(msg.sender, amount);
        insurer.collectable += amount - paid;
        emit Collected(msg.sender, paid);
    }

    /// @inheritdoc IInsurance
    function collectOwed(uint256 withdrawalId) external {
        uint256 collected = _collected[withdrawalId];
        uint256 due = owedTo(withdrawalId, _line.repaid);
        if (due <= collected) revert NothingToCollect();
        _collected[withdrawalId] = due;
        uint64 amount = uint64(due - collected);
        uint64 paid = VAULT.payCash(VAULT.withdrawal(withdrawalId).recipient, amount);
        _collected[withdrawalId] -= amount - paid;
        emit OwedCollected(withdrawalId, paid);
    }

    /// @inheritdoc IInsurance
    function onCut(uint256 epoch, uint256 value, uint256 amount, uint64[7] calldata prices) external onlyVault {
        _cuts[epoch] = Cut(uint128(value), _line.total, amount, prices.pack());
        _line.total += uint128(amount);
        emit Owed(epoch, amount);
    }

    /// @inheritdoc IInsurance
    /// @dev Repaying takes the same from equity and debt, so insurers' part does not change by it.
    function onCheckpoint(int256 equity, int256 backstopCash, uint256 free)
        external
        onlyVault
        returns (uint64 converted, uint64 paid)
    {
        uint256 most = backstopCash > 0 ? uint256(backstopCash) : 0;
        if (most > free) most = free;
        Line memory line = _line;
        int256 debt = int256(uint256(line.total - line.repaid)) << 32;
        uint256 offered = _offered;
        int256 low = debt > 0 || offered > 0 ? equityLow() : equity;
        if (debt > 0) paid = _repay(line, low, most);
        if (equity < debt || ROUNDS.roundNumber() <= _round || _unpriced()) return (0, paid);
        uint256 worth = uint256(equity - debt) >> 32;
        uint256 total = totalShares;
        // What there is before the first insurer is nobody's, so that none buys it for nothing.
        if (total == 0) total = worth * OFFSET;
        else if (worth == 0) return (0, paid);

        converted = VAULT.insuring();
        uint256 minted = converted * (total + OFFSET) / (worth + 1);
        if (total + minted > SHARES_MAX || (converted == 0 && offered == 0)) return (0, paid);

        uint64 redeemed;
        uint256 burned;
        if (offered > 0) {
            uint256 value = low < debt ? 0 : offered * ((uint256(low - debt) >> 32) + 1) / (total + OFFSET);
            most -= paid;
            redeemed = uint64(value < most ? value : most);
            burned = value == 0 ? 0 : (offered * redeemed + value - 1) / value;
        }
        totalShares = total + minted - burned;
        _offered = 0;
        _periods[period] = Period(converted, redeemed, minted, offered, offered - burned);
        emit Converted(period, converted, minted, redeemed, burned);
        ++period;
        paid += redeemed;
    }

    /// @inheritdoc IInsurance
    function sharesOf(address insurer) external view returns (uint256 shares, uint256 total) {
        Insurer memory i = _settledNow(insurer);
        return (i.shares + i.offered, totalShares);
    }

    /// @inheritdoc IInsurance
    function position(address insurer) external view returns (uint64 waiting, uint256 offered, uint64 collectable) {
        Insurer memory i = _settledNow(insurer);
        return (i.waiting, i.offered, i.collectable);
    }

    /// @inheritdoc IInsurance
    function owed() external view returns (uint256 total, uint256 repaid) {
        return (_line.total, _line.repaid);
    }

    /// @inheritdoc IInsurance
    function owedTo(uint256 withdrawalId, uint256 upTo) public view returns (uint256) {
        IVault.Withdrawal memory w = VAULT.withdrawal(withdrawalId);
        Cut memory c = _cuts[w.epoch];
        if (w.inFull || upTo <= c.start || c.value == 0) return 0;
        uint256 part = upTo - c.start;
        if (part > c.amount) part = c.amount;
        uint256 price = w.asset == 0 ? 1 << 32 : c.prices.unpack()[w.asset - 1];
        return part * (price * w.amount) / c.value;
    }

    /// @inheritdoc IInsurance
    function equityLow() public view returns (int256 worth) {
        int256[8] memory backstop = VAULT.backstop();
        worth = backstop[0] << 32;
        uint64[12][7] memory marks = ROUNDS.marks();
        for (uint256 a = 1; a < 8; ++a) {
            uint256 mark = marks[a - 1][backstop[a] > 0 ? Layout.MARK_SELL : Layout.MARK_BUY];
            worth += backstop[a] * int256(mark);
        }
    }

    /// @inheritdoc IInsurance
    function accepting() public view returns (bool) {
        return _round == ROUNDS.roundNumber() || (_offered == 0 && VAULT.insuring() == 0);
    }

    /// @inheritdoc IInsurance
    function vault() external view returns (address) {
        return address(VAULT);
    }

    function _request() private {
        if (!accepting()) revert CheckpointDue();
        _round = ROUNDS.roundNumber();
    }

    /// @dev What the backstop's cash allows, of what is owed. @param low Its equity at `sell` and `buy`.
    function _repay(Line memory line, int256 low, uint256 most) private returns (uint64 repaid) {
        uint256 amount = low > 0 ? uint256(low) >> 32 : 0;
        if (amount > most) amount = most;
        if (amount > line.total - line.repaid) amount = line.total - line.repaid;
        if (amount == 0) return 0;
        _line.repaid = line.repaid + uint128(amount);
        emit Repaid(amount);
        return uint64(amount);
    }

    function _settled(address insurer) private returns (Insurer storage stored) {
        stored = _insurers[insurer];
        if (stored.period == period) return stored;
        Insurer memory i = _settledNow(insurer);
        stored.waiting = i.waiting;
        stored.collectable = i.collectable;
        stored.period = i.period;
        stored.offered = i.offered;
        stored.shares = i.shares;
    }

    /// @dev The insurer's part of the period that it took part in last, if that has ended.
    function _settledNow(address insurer) private view returns (Insurer memory i) {
        i = _insurers[insurer];
        if (i.period == period) return i;
        Period memory p = _periods[i.period];
        if (i.waiting > 0) i.shares += uint256(i.waiting) * p.minted / p.converted;
        if (i.offered > 0) {
            i.shares += i.offered * p.returned / p.offered;
            i.collectable += uint64(i.offered * p.paid / p.offered);
        }
        i.waiting = 0;
        i.offered = 0;
        i.period = uint64(period);
    }

    /// @return Whether the backstop has or owes an asset whose price is not known now.
    function _unpriced() private view returns (bool) {
        uint256 held = ROUNDS.held();
        if (held == 0) return false;
        int256[8] memory backstop = VAULT.backstop();
        for (uint256 a = 1; a < 8; ++a) {
            if (held >> a & 1 == 1 && backstop[a] != 0) return true;
        }
        return false;
    }
}
