// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IForced} from "../interfaces/IForced.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IVault} from "../interfaces/IVault.sol";
import {BabyJubJub} from "../libraries/BabyJubJub.sol";
import {Deadlines} from "../libraries/Deadlines.sol";
import {Layout} from "../libraries/Layout.sol";
import {PackedWithdrawal} from "../libraries/PackedWithdrawal.sol";
import {NativeCredits} from "./NativeCredits.sol";

/// @title The forced requests; see `IForced` for what each function promises.
/// @dev Places of the queue are in order of deadline: each is given the last one's or more. A request that moves leaves
/// its old place behind, which no longer names it.
contract Forced is IForced, NativeCredits {
    /// @dev Places moved past in one call.
    uint256 private constant DONE_MAX = 32;
    address private constant DEAD = 0x000000000000000000000000000000000000dEaD;

    struct Queue {
        uint32 first;
        uint32 end;
        /// In live time, of the last place.
        uint40 deadline;
        uint64 nextNumber;
    }

    struct Clocks {
        uint32 forcedDelay;
        uint32 forcedSpacing;
        uint32 expirySlack;
        uint96 forcedFee;
    }

    IVault private immutable VAULT;
    IRounds private immutable ROUNDS;
    address private immutable GOVERNANCE;
    uint256 private immutable BOND;

    Queue private _queue;
    Clocks private _clocks;
    mapping(uint256 place => uint64) private _places;
    mapping(uint64 number => Request) private _requests;
    mapping(uint32 index => mapping(address requester => uint64)) private _open;

    modifier live() {
        if (VAULT.frozen()) revert Frozen();
        _;
    }

    constructor(Config memory c) {
        VAULT = IVault(c.vault);
        ROUNDS = IRounds(VAULT.rounds());
        if (c.forcedDelay <= 2 * ROUNDS.maxAge()) revert InvalidConfig("forcedDelay");
        GOVERNANCE = ROUNDS.governance();
        _clocks = Clocks(c.forcedDelay, c.forcedSpacing, c.expirySlack, c.forcedFee);
        BOND = c.bond;
        _queue.nextNumber = 1;
    }

    /// @inheritdoc IForced
    function reserve(uint32 index, bytes32 owner) external payable live returns (uint64 number) {
        uint256 fee = _clocks.forcedFee;
        if (msg.value != BOND + fee) revert WrongBond(BOND + fee);
        VAULT.requireAccount(index, owner);
        uint64 other = _open[index][msg.sender];
        if (other != 0) revert OnePerAccount(other);
        number = _queue.nextNumber++;
        _open[index][msg.sender] = number;
        Request storage request_ = _requests[number];
        request_.requester = msg.sender;
        request_.index = index;
        request_.state = State.Reserved;
        emit Reserved(number, index, msg.sender);
        _burn(fee);
    }

    /// @inheritdoc IForced
    function release(uint64 number) external {
        Request storage request_ = _reserved(number);
        _finish(number, request_, State.Closed);
        nativeCredits[msg.sender] += BOND;
        emit Released(number);
    }

    /// @inheritdoc IForced
    function submit(
        uint64 number,
        uint8 asset,
        uint64 amount,
        address recipient,
        uint40 expiry,
        uint256[2] calldata r8,
        uint256 s,
        bool inFull
    ) external live {
        Request storage request_ = _reserved(number);
        VAULT.requireWithdrawable(asset, amount);
        if (recipient == address(0)) revert BadRecipient(0);
        if (!BabyJubJub.isCanonical(r8[0], r8[1]) || !BabyJubJub.isOnCurve(r8[0], r8[1]) || s >= BabyJubJub.L) {
            revert BadSignatureForm();
        }
        uint40 deadline = _nextDeadline();
        uint256 earliest = _expiryAfter(deadline) + _clocks.expirySlack;
        if (expiry < earliest) revert ExpiryTooSoon(earliest);

        request_.state = State.Pending;
        request_.asset = asset;
        if (inFull) request_.inFull = true;
        request_.recipient = recipient;
        request_.amount = amount;
        request_.expiry = expiry;
        request_.round = uint40(ROUNDS.roundNumber());
        request_.signatureHash = _signatureHash(r8[0], r8[1], s);
        _enqueue(number, request_, deadline);
        emit Submitted(number, request_.index, asset, amount, recipient, expiry, r8, s, inFull, deadline);
    }

    /// @inheritdoc IForced
    function consume(
        uint256 op,
        uint256 index,
        uint256 asset,
        uint256 amount,
        uint256 recipient,
        uint256 number,
        uint256 r8x,
        uint256 r8y,
        uint256 s,
        uint256 expiry
    ) external {
        if (msg.sender != address(VAULT)) revert NotVault();
        if (number > type(uint64).max) revert WrongRequest(number);
        Request storage request_ = _requests[uint64(number)];
        if (
            request_.state != State.Pending || index != request_.index || asset != request_.asset
                || amount != request_.amount || recipient != _extra(request_)
        ) revert WrongRequest(number);
        if (block.timestamp > request_.expiry) revert RequestExpired(number);
        if (op == Layout.OP_DISCHARGE) {
            if (_signatureHash(r8x, r8y, s) != request_.signatureHash || expiry != request_.expiry) {
                revert WrongRequest(number);
            }
            // Not against marks that the requester could not yet have known to be in force.
            if (ROUNDS.roundNumber() <= request_.round) revert NoFreshRound();
            if (ROUNDS.forcedStands()) revert ClockStands();
            // What it asked for may have been allowed when it was filed: initial margins were tightened since, or an
            // asset was held.
            bool back = ROUNDS.tightenedAt() > request_.round;
            _finish(uint64(number), request_, State.Discharged);
            emit Discharged(uint64(number));
            if (back) nativeCredits[request_.requester] += BOND;
            else _burn(BOND);
        } else {
            _finish(uint64(number), request_, State.Served);
            nativeCredits[request_.requester] += BOND;
            emit Served(uint64(number));
        }
    }

    /// @inheritdoc IForced
    function requeue(uint64 number) external payable live {
        uint256 fee = _clocks.forcedFee;
        if (msg.value != fee) revert WrongFee(fee);
        Request storage request_ = _pending(number);
        if (request_.deadline >= ROUNDS.forcedTime()) revert NotDue(number);
        uint256 free = VAULT.free(request_.asset);
        if (request_.amount <= free) revert FreeCustodySuffices(free);
        uint40 deadline = _nextDeadline();
        // Nobody who moves the end of the queue can end another's request: it stays where it is until it has expired.
        uint256 earliest = _expiryAfter(deadline);
        if (request_.expiry < earliest) revert ExpiryTooSoon(earliest);
        _enqueue(number, request_, deadline);
        emit Requeued(number, deadline);
        advance();
        _burn(fee);
    }

    /// @inheritdoc IForced
    function closeExpired(uint64 number) external {
        Request storage request_ = _pending(number);
        if (block.timestamp <= request_.expiry) revert NotExpired(number);
        _close(number, request_);
    }

    /// @inheritdoc IForced
    function advance() public {
        Queue memory q = _queue;
        uint256 stop = uint256(q.first) + DONE_MAX;
        for (; q.first < q.end && q.first < stop; ++q.first) {
            Request storage request_ = _requests[_places[q.first]];
            if (request_.place == q.first && _servable(request_)) break;
        }
        _queue.first = q.first;
    }

    /// @inheritdoc IForced
    function takeBond(uint64 number) external {
        if (!VAULT.frozen()) revert NotFrozen();
        _close(number, _pending(number));
    }

    /// @inheritdoc IForced
    function setTerms(uint32 forcedDelay, uint32 forcedSpacing, uint32 expirySlack_, uint96 forcedFee) external {
        if (msg.sender != GOVERNANCE) revert NotGovernance();
        _clocks = Clocks(forcedDelay, forcedSpacing, expirySlack_, forcedFee);
    }

    /// @inheritdoc IForced
    function overdue(uint64 number) external view returns (bool late, uint40 deadline) {
        Request storage request_ = _requests[number];
        deadline = request_.deadline;
        late = _servable(request_) && deadline < ROUNDS.forcedTime() && request_.amount <= VAULT.free(request_.asset);
    }

    /// @inheritdoc IForced
    function request(uint64 number) external view returns (Request memory) {
        return _requests[number];
    }

    /// @inheritdoc IForced
    function nextNumber() external view returns (uint64) {
        return _queue.nextNumber;
    }

    /// @inheritdoc IForced
    function queue() external view returns (uint256 first, uint256 end) {
        return (_queue.first, _queue.end);
    }

    /// @inheritdoc IForced
    function lastDeadline() external view returns (uint40) {
        return _queue.deadline;
    }

    /// @inheritdoc IForced
    function earliestExpiry() external view returns (uint256) {
        return _expiryAfter(_nextDeadline()) + _clocks.expirySlack;
    }

    /// @inheritdoc IForced
    function numberAt(uint256 place) external view returns (uint64) {
        return _places[place];
    }

    /// @inheritdoc IForced
    function requestOf(uint32 index, address requester) external view returns (uint64) {
        return _open[index][requester];
    }

    /// @inheritdoc IForced
    function config() external view returns (Config memory) {
        return Config({
            vault: address(VAULT),
            forcedDelay: _clocks.forcedDelay,
            forcedSpacing: _clocks.forcedSpacing,
            expirySlack: _clocks.expirySlack,
            bond: BOND,
            forcedFee: _clocks.forcedFee
        });
    }

    /// @inheritdoc IForced
    function vault() external view returns (address) {
        return address(VAULT);
    }

    /// @inheritdoc IForced
    function expirySlack() external view returns (uint256) {
        return _clocks.expirySlack;
    }

    function _reserved(uint64 number) private view returns (Request storage request_) {
        request_ = _requests[number];
        if (request_.state == State.None) revert WrongRequest(number);
        if (request_.requester != msg.sender) revert NotReserver();
        if (request_.state != State.Reserved) revert WrongRequest(number);
    }

    function _pending(uint64 number) private view returns (Request storage request_) {
        request_ = _requests[number];
        if (request_.state != State.Pending) revert WrongRequest(number);
    }

    /// @dev An expired request nobody can serve.
    function _servable(Request storage request_) private view returns (bool) {
        return request_.state == State.Pending && block.timestamp <= request_.expiry;
    }

    function _close(uint64 number, Request storage request_) private {
        _finish(number, request_, State.Closed);
        nativeCredits[request_.requester] += BOND;
        emit Closed(number);
    }

    function _finish(uint64 number, Request storage request_, State state) private {
        request_.state = state;
        delete _open[request_.index][request_.requester];
        if (_queue.first < _queue.end && _places[_queue.first] == number) ++_queue.first;
    }

    function _enqueue(uint64 number, Request storage request_, uint40 deadline) private {
        uint32 place = _queue.end++;
        _queue.deadline = deadline;
        _places[place] = number;
        request_.place = place;
        request_.deadline = deadline;
    }

    function _nextDeadline() private view returns (uint40) {
        return Deadlines.next(_queue.deadline, _clocks.forcedDelay, _clocks.forcedSpacing, ROUNDS.forcedTime());
    }

    /// @return The time of a deadline if rounds stay fresh until then, and the clock stands for as long as it may.
    function _expiryAfter(uint256 deadline) private view returns (uint256) {
        return block.timestamp + deadline - ROUNDS.forcedTime() + ROUNDS.forcedSlack();
    }

    /// @dev What the owner signed: the recipient and, above it, whether the withdrawal is in full only.
    function _extra(Request storage request_) private view returns (uint256) {
        return uint160(request_.recipient) | (request_.inFull ? PackedWithdrawal.IN_FULL : 0);
    }

    function _signatureHash(uint256 r8x, uint256 r8y, uint256 s) private pure returns (bytes22) {
        return bytes22(keccak256(abi.encode(r8x, r8y, s)));
    }

    /// @dev Sent where nobody has a key. Nothing depends on its arrival.
    function _burn(uint256 amount) private {
        (bool sent,) = DEAD.call{value: amount}("");
        sent;
    }
}
