// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVault} from "../interfaces/IVault.sol";
import {BabyJubJub} from "../libraries/BabyJubJub.sol";
import {Book} from "../libraries/Book.sol";
import {Deadlines} from "../libraries/Deadlines.sol";
import {Layout} from "../libraries/Layout.sol";
import {Custody} from "./Custody.sol";

/// @title The vault's deposits, and who owns which account; see `IVault`.
abstract contract Deposits is Custody {
    using SafeERC20 for IERC20;

    /// @dev The bit of `IGovernance.halt` for new accounts.
    uint8 private constant OPENING_HALTED = 1;

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
        uint96 openingFee;
    }

    Queue internal _queue;
    Clocks internal _clocks;
    mapping(uint256 id => Deposit) private _deposits;
    /// @inheritdoc IVault
    mapping(uint32 index => bytes32) public ownerOf;

    constructor(uint32 depositDelay, uint32 depositSpacing, uint96 openingFee) {
        if (depositDelay <= 2 * ROUNDS.maxAge()) revert InvalidConfig("depositDelay");
        _clocks = Clocks(depositDelay, depositSpacing, openingFee);
    }

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
    function reserveIndices(uint256 count) external onlySettlement live nonReentrant {
        if (_queue.nextIndex != 0) revert IndicesTaken();
        if (count > ISettlement(settlement).accountsMax()) revert AccountsFull();
        _queue.nextIndex = uint32(count);
        _queue.opened = uint32(count);
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
    function _consume(uint256 number, uint256 op, uint256[] calldata step) internal {
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
}
