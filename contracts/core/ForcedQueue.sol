// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IForced} from "../interfaces/IForced.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Deadlines} from "../libraries/Deadlines.sol";
import {NativeCredits} from "./NativeCredits.sol";

/// @title The queue of forced requests: numbers, places, deadlines and bonds, whatever is asked for; see `IForced`.
/// @dev Places are in order of deadline: each is given the last one's or more. A request that moves leaves its old
/// place behind, which no longer names it.
abstract contract ForcedQueue is IForced, NativeCredits {
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

    IVault internal immutable VAULT;
    IRounds internal immutable ROUNDS;
    address private immutable GOVERNANCE;
    uint256 internal immutable BOND;

    Queue private _queue;
    Clocks internal _clocks;
    mapping(uint256 place => uint64) private _places;
    mapping(uint64 number => Request) internal _requests;
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

    function _reserved(uint64 number) internal view returns (Request storage request_) {
        request_ = _requests[number];
        if (request_.state == State.None) revert WrongRequest(number);
        if (request_.requester != msg.sender) revert NotReserver();
        if (request_.state != State.Reserved) revert WrongRequest(number);
    }

    function _pending(uint64 number) internal view returns (Request storage request_) {
        request_ = _requests[number];
        if (request_.state != State.Pending) revert WrongRequest(number);
    }

    /// @dev An expired request nobody can serve.
    function _servable(Request storage request_) internal view returns (bool) {
        return request_.state == State.Pending && block.timestamp <= request_.expiry;
    }

    function _close(uint64 number, Request storage request_) internal {
        _finish(number, request_, State.Closed);
        nativeCredits[request_.requester] += BOND;
        emit Closed(number);
    }

    function _finish(uint64 number, Request storage request_, State state) internal {
        request_.state = state;
        delete _open[request_.index][request_.requester];
        if (_queue.first < _queue.end && _places[_queue.first] == number) ++_queue.first;
    }

    function _enqueue(uint64 number, Request storage request_, uint40 deadline) internal {
        uint32 place = _queue.end++;
        _queue.deadline = deadline;
        _places[place] = number;
        request_.place = place;
        request_.deadline = deadline;
    }

    function _nextDeadline() internal view returns (uint40) {
        return Deadlines.next(_queue.deadline, _clocks.forcedDelay, _clocks.forcedSpacing, ROUNDS.forcedTime());
    }

    /// @return The time of a deadline if rounds stay fresh until then, and the clock stands for as long as it may.
    function _expiryAfter(uint256 deadline) internal view returns (uint256) {
        return block.timestamp + deadline - ROUNDS.forcedTime() + ROUNDS.forcedSlack();
    }

    /// @dev Sent where nobody has a key. Nothing depends on its arrival.
    function _burn(uint256 amount) internal {
        (bool sent,) = DEAD.call{value: amount}("");
        sent;
    }
}
