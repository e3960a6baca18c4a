// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BabyJubJub} from "../libraries/BabyJubJub.sol";
import {BatchProofs} from "../libraries/BatchProofs.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVault} from "../interfaces/IVault.sol";
import {ITransactVerifier, IVerifier, IWindowVerifier} from "../interfaces/IVerifier.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Layout} from "../libraries/Layout.sol";
import {PublicVector} from "../libraries/PublicVector.sol";
import {Slots} from "./Slots.sol";

/// @title The settlement contract; see `ISettlement` for what each function promises.
/// @dev Calls to verifiers and rounds are static; the vault, which calls only contracts of this deployment back, is
/// called after a batch's own changes. Proofs of several batches are checked when all are booked: what was booked on a
/// false one goes with the transaction.
contract Settlement is Slots {
    using BatchProofs for uint256[];
    using Lanes for uint256[2];
    using PublicVector for uint256[];

    /// @dev Bound on the size of a batch's backstop deltas and bad debt: their sums never overflow.
    uint256 private constant DELTA_END = 1 << 127;

    /// @dev Bit o: there is an operation o.
    uint256 private constant OPERATIONS = (2 << Layout.OP_DISCHARGE_CLOSE) - 2;
    /// @dev Bit o: operation o needs a fresh round.
    uint256 private constant NEEDS_MARKS = 1 << Layout.OP_WITHDRAW | 1 << Layout.OP_TRADE | 1 << Layout.OP_UNWIND
        | 1 << Layout.OP_FORCED | 1 << Layout.OP_DISCHARGE | 1 << Layout.OP_CLOSE | 1 << Layout.OP_DISCHARGE_CLOSE;

    /// @dev What a settlement asks of the rounds, once, and the proofs that it has to check in the end.
    struct Round {
        uint256 number;
        bool fresh;
        bool marked;
        /// If `marked`.
        uint64[12][7] marks;
        /// As `_era`.
        uint256 era;
        /// As `BatchProofs` has them.
        uint256[] claims;
    }

    uint256 private constant MAX_RUNGS = 4;

    /// @dev A sweep's circuit; without a verifier where there is none.
    struct Rung {
        IVerifier verifier;
        uint16 steps;
        uint8 window;
    }

    IVault private immutable VAULT;
    address private immutable GOVERNANCE;
    /// @dev Whether rounds take down what is held at a checkpoint.
    bool private immutable RULED;
    IVerifier private immutable RESOLVE;
    IVerifier private immutable TRANSACT;
    uint256 private immutable RESOLVE_STEPS;
    uint256 private immutable TRANSACT_STEPS;
    uint64 private immutable MIN_LIABILITY;
    /// @inheritdoc ISettlement
    uint256 public immutable emptyRoot;
    /// @inheritdoc ISettlement
    uint256 public immutable accountsMax;
    /// @inheritdoc ISettlement
    uint256 public immutable deployedAt;

    /// @dev Never changes.
    Rung[MAX_RUNGS] private _rungs;
    /// @inheritdoc ISettlement
    uint256 public accountsRoot;
    /// @inheritdoc ISettlement
    address public operator;
    /// @inheritdoc ISettlement
    uint40 public tradesHaltedUntil;
    /// @dev Number of the sequencer's keys, that in force included: here because the operator is read with it.
    uint56 private _era;
    /// @dev Those that were in force, the one that is last.
    uint256[2][] private _sequencerKeys;

    modifier onlyOperator() {
        if (msg.sender != operator) revert NotOperator();
        _;
    }

    constructor(Config memory c) Slots(IRounds(IVault(c.vault).rounds()), c.slots) {
        if (c.operator == address(0)) revert InvalidConfig("operator");
        if (!BabyJubJub.isKey(c.sequencerKey[0], c.sequencerKey[1])) revert InvalidConfig("sequencerKey");

        operator = c.operator;
        VAULT = IVault(c.vault);
        GOVERNANCE = ROUNDS.governance();
        RULED = ROUNDS.ruled();
        MIN_LIABILITY = c.minLiability;
        _setSequencerKey(c.sequencerKey);

        uint256 rungs = c.sweepVerifiers.length;
        if (rungs == 0 || rungs > MAX_RUNGS) revert InvalidConfig("sweepVerifiers");
        for (uint256 i = 0; i < rungs; ++i) {
            IWindowVerifier sweep = IWindowVerifier(c.sweepVerifiers[i]);
            (uint256 steps, uint256 window) = (sweep.steps(), sweep.window());
            if (steps == 0 || steps > type(uint16).max || window < 2 || window > c.slots) {
                revert InvalidConfig("sweepVerifiers");
            }
            _rungs[i] = Rung(sweep, uint16(steps), uint8(window));
        }
        IWindowVerifier resolve = IWindowVerifier(c.resolveVerifier);
        RESOLVE = resolve;
        RESOLVE_STEPS = resolve.steps();
        if (RESOLVE_STEPS == 0 || resolve.window() != 0) revert InvalidConfig("resolveVerifier");
        ITransactVerifier transact = ITransactVerifier(c.transactVerifier);
        TRANSACT = transact;
        TRANSACT_STEPS = transact.steps();
        uint256 depth = transact.depth();
        emptyRoot = transact.emptyRoot();
        if (TRANSACT_STEPS == 0 || depth == 0 || depth > 15 || emptyRoot >= PublicVector.R) {
            revert InvalidConfig("transactVerifier");
        }

        accountsMax = 4 ** depth;
        accountsRoot = emptyRoot;
        deployedAt = ROUNDS.deployedAt();
    }

    /// @inheritdoc ISettlement
    function genesis(uint256 root, uint256 inboxHead, uint256[] calldata leaves) external onlyOperator {
        if (block.chainid != 31337 && block.chainid != 1337) revert LocalChainsOnly(block.chainid);
        if (accountsRoot != emptyRoot || VAULT.nextIndex() != 0) revert GenesisDone();
        if (root >= PublicVector.R || inboxHead >= PublicVector.R) revert InvalidConfig("genesis");
        accountsRoot = root;
        _status.occupied = uint64(_setHead(_status.occupied, INBOX, inboxHead));
        emit Genesis(root, inboxHead, leaves);
        VAULT.reserveIndices(leaves.length);
    }

    /// @inheritdoc ISettlement
    function setOperator(address to) external {
        if (msg.sender != GOVERNANCE) revert NotGovernance();
        operator = to;
    }

    /// @inheritdoc ISettlement
    function setSequencer(address to, uint256[2] calldata key) external {
        if (msg.sender != GOVERNANCE) revert NotGovernance();
        operator = to;
        _setSequencerKey(key);
    }

    /// @inheritdoc ISettlement
    function haltTrades(uint40 until) external {
        if (msg.sender != GOVERNANCE) revert NotGovernance();
        tradesHaltedUntil = until;
    }

    /// @inheritdoc ISettlement
    function openEnvelopes(Opening[] calldata openings) external onlyOperator {
        _open(openings);
    }

    /// @inheritdoc ISettlement
    function settle(Batch[] calldata batches) external onlyOperator {
        if (VAULT.settlement() != address(this)) revert NotBound();
        if (VAULT.frozen()) revert Frozen();
        Round memory r;
        (r.number, r.fresh) = ROUNDS.latest();
        r.era = _era;
        r.claims = BatchProofs.room(batches.length);
        for (uint256 i = 0; i < batches.length; ++i) {
            _open(batches[i].openings);
            if (batches[i].circuit == Circuit.Sweep) _sweep(i, batches[i], r);
            else if (batches[i].circuit == Circuit.Resolve) _resolve(i, batches[i], r);
            else _transact(i, batches[i], r);
        }
        r.claims.settle(batches);
        bool complete = _isComplete(r.number);
        emit Settled(r.number, complete);
        if (complete && r.fresh) _checkpoint();
    }

    /// @inheritdoc ISettlement
    function checkpoint() external {
        if (!ROUNDS.fresh()) revert NoFreshRound();
        if (!_isComplete(ROUNDS.roundNumber())) revert NotComplete();
        _checkpoint();
    }

    /// @inheritdoc ISettlement
    function config() external view returns (Config memory) {
        uint256 count = _rungCount();
        address[] memory sweepVerifiers = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            sweepVerifiers[i] = address(_rungs[i].verifier);
        }
        return Config({
            operator: operator,
            vault: address(VAULT),
            sweepVerifiers: sweepVerifiers,
            resolveVerifier: address(RESOLVE),
            transactVerifier: address(TRANSACT),
            minLiability: MIN_LIABILITY,
            slots: SLOTS,
            sequencerKey: _sequencerKeys[_sequencerKeys.length - 1]
        });
    }

    /// @inheritdoc ISettlement
    function batchSizes()
        external
        view
        returns (SweepSize[] memory sweeps, uint256 resolveSteps, uint256 transactSteps)
    {
        sweeps = new SweepSize[](_rungCount());
        for (uint256 i = 0; i < sweeps.length; ++i) {
            sweeps[i] = SweepSize(_rungs[i].steps, _rungs[i].window);
        }
        return (sweeps, RESOLVE_STEPS, TRANSACT_STEPS);
    }

    /// @inheritdoc ISettlement
    function sequencerKeys() external view returns (uint256[2][] memory) {
        return _sequencerKeys;
    }

    /// @inheritdoc ISettlement
    function rounds() external view returns (address) {
        return address(ROUNDS);
    }

    /// @inheritdoc ISettlement
    function vault() external view returns (address) {
        return address(VAULT);
    }

    /// @dev D as `Layout` has it. It needs no round: it proves accounts safe in envelopes, not at marks.
    function _sweep(uint256 number, Batch calldata batch, Round memory r) private {
        if (batch.rung >= MAX_RUNGS) revert UnknownRung(number, batch.rung);
        Rung memory rung = _rungs[batch.rung];
        if (address(rung.verifier) == address(0)) revert UnknownRung(number, batch.rung);
        uint256 w = rung.window;
        uint8[] calldata window = batch.window;
        uint256[] calldata values = batch.values;
        if (window.length != w) revert WrongWindowLength(number, window.length, w);
        _checkValues(number, batch, w);

        uint256 opened = _status.opened;
        uint256[] memory d = new uint256[](Layout.SWEEP_SLOT * w + BatchProofs.BOUND);
        d.put(Layout.SWEEP_HEADS_AFTER * w, values);
        for (uint256 j = 0; j < w; ++j) {
            uint256 slot = window[j];
            if (j > 0 && slot <= window[j - 1]) revert WindowNotIncreasing(number, j);
            if (opened >> slot & 1 == 0) revert SlotNotOpened(number, slot);
            d[Layout.SWEEP_HEADS_BEFORE * w + j] = _heads[slot];
            if (slot < FIRST_ENVELOPE) {
                d[Layout.SWEEP_FREE * w + j] = 1;
            } else {
                Envelope memory e = _envelopes[slot];
                e.floors.spread(d, Layout.SWEEP_FLOORS * w + 7 * j);
                e.ceilings.spread(d, Layout.SWEEP_CEILINGS * w + 7 * j);
            }
        }
        r.claims.prove(number, rung.verifier, d, batch, r.era);

        uint256 occupied = _status.occupied;
        for (uint256 j = 0; j < w; ++j) {
            occupied = _setHead(occupied, window[j], values[j]);
        }
        _status.occupied = uint64(occupied);
        emit Swept(r.number, batch.rung, window, values, batch.digest, batch.proof, batch.memo);
    }

    function _resolve(uint256 number, Batch calldata batch, Round memory r) private {
        uint256[] calldata values = batch.values;
        if (batch.rung != 0) revert UnknownRung(number, batch.rung);
        if (batch.window.length != 0) revert WrongWindowLength(number, batch.window.length, 0);
        _checkValues(number, batch, Layout.RESOLVED_WRITES_AT + Layout.WRITE * RESOLVE_STEPS);
        _checkActive(number, values[Layout.RESOLVED_ACTIVE], RESOLVE_STEPS);
        if (!r.fresh) revert NoFreshRound();

        uint256[] memory d = new uint256[](Layout.RESOLVE_WRITES_AT + Layout.WRITE * RESOLVE_STEPS + BatchProofs.BOUND);
        d[Layout.RESOLVE_ACTIVE] = values[Layout.RESOLVED_ACTIVE];
        d[Layout.RESOLVE_ROOT_BEFORE] = accountsRoot;
        d[Layout.RESOLVE_ROOT_AFTER] = values[Layout.RESOLVED_ROOT_AFTER];
        d[Layout.RESOLVE_DISTRESS_BEFORE] = _heads[DISTRESS];
        d[Layout.RESOLVE_DISTRESS_AFTER] = values[Layout.RESOLVED_DISTRESS_AFTER];
        d[Layout.RESOLVE_INBOX_BEFORE] = _heads[INBOX];
        d[Layout.RESOLVE_INBOX_AFTER] = values[Layout.RESOLVED_INBOX_AFTER];
        d[Layout.RESOLVE_MIN_LIABILITY] = MIN_LIABILITY;
        _mark(r);
        for (uint256 a = 0; a < 7; ++a) {
            uint64[12] memory mark = r.marks[a];
            uint256 first = Layout.RESOLVE_MARKS + Layout.LIQUIDATION_MARKS * a;
            for (uint256 k = 0; k < Layout.LIQUIDATION_MARKS; ++k) {
                d[first + k] = mark[k];
            }
        }
        // Delta, bad debt and writes are the same in both.
        d.put(Layout.RESOLVE_DELTA, values[Layout.RESOLVED_DELTA:]);
        r.claims.prove(number, RESOLVE, d, batch, r.era);

        accountsRoot = values[Layout.RESOLVED_ROOT_AFTER];
        uint256 occupied = _setHead(_status.occupied, DISTRESS, values[Layout.RESOLVED_DISTRESS_AFTER]);
        _status.occupied = uint64(_setHead(occupied, INBOX, values[Layout.RESOLVED_INBOX_AFTER]));
        int256[8] memory delta;
        for (uint256 a = 0; a < 8; ++a) {
            delta[a] = _signed(number, values[Layout.RESOLVED_DELTA + a]);
        }
        uint256 debt = values[Layout.RESOLVED_BAD_DEBT];
        if (debt >= DELTA_END) revert DeltaTooLarge(number);
        emit Resolved(r.number, values, batch.digest, batch.proof);
        VAULT.liquidated(delta, debt);
    }

    /// @dev What a step says of deposits and requests, the vault compares with its storage before anything is booked.
    /// Marks on which nothing rests are left out of D, so that no new round voids the proof.
    function _transact(uint256 number, Batch calldata batch, Round memory r) private {
        uint256[] calldata values = batch.values;
        if (batch.rung != 0) revert UnknownRung(number, batch.rung);
        if (batch.window.length != 0) revert WrongWindowLength(number, batch.window.length, 0);
        _checkValues(number, batch, Layout.TRANSACTED_STEPS_AT + Layout.STEP * TRANSACT_STEPS);
        uint256 active = values[Layout.TRANSACTED_ACTIVE];
        _checkActive(number, active, TRANSACT_STEPS);
        uint256 validUntil = values[Layout.TRANSACTED_VALID_UNTIL];
        if (validUntil < block.timestamp || validUntil >= 1 << 40) revert BatchExpired(number, validUntil);
        uint256[] calldata steps = values[Layout.TRANSACTED_STEPS_AT:];
        uint256 operations = _operations(number, steps, active);

        uint256[] memory d = new uint256[](Layout.TRANSACT_STEPS_AT + Layout.STEP * TRANSACT_STEPS + BatchProofs.BOUND);
        d[Layout.TRANSACT_ACTIVE] = active;
        d[Layout.TRANSACT_ROOT_BEFORE] = accountsRoot;
        d[Layout.TRANSACT_ROOT_AFTER] = values[Layout.TRANSACTED_ROOT_AFTER];
        d[Layout.TRANSACT_INBOX_BEFORE] = _heads[INBOX];
        d[Layout.TRANSACT_INBOX_AFTER] = values[Layout.TRANSACTED_INBOX_AFTER];
        d[Layout.TRANSACT_CHAIN_ID] = block.chainid;
        d[Layout.TRANSACT_SETTLEMENT] = uint160(address(this));
        uint256[2] storage key = _sequencerKeys[_sequencerKeys.length - 1];
        d[Layout.TRANSACT_SEQUENCER] = key[0];
        d[Layout.TRANSACT_SEQUENCER + 1] = key[1];
        d[Layout.TRANSACT_VALID_UNTIL] = validUntil;
        if (operations & NEEDS_MARKS != 0) {
            if (!r.fresh) revert NoFreshRound();
            if (operations & 1 << Layout.OP_TRADE != 0 && block.timestamp < tradesHaltedUntil) revert Halted();
            _mark(r);
            for (uint256 a = 0; a < 7; ++a) {
                Layout.spreadTraded(r.marks[a], d, Layout.TRANSACT_MARKS + Layout.TRANSACT_MARK_COUNT * a);
                d[Layout.TRANSACT_CONCENTRATION + a] = r.marks[a][Layout.MARK_CONCENTRATION];
            }
        }
        d.put(Layout.TRANSACT_STEPS_AT, steps);
        r.claims.prove(number, TRANSACT, d, batch, r.era);

        accountsRoot = values[Layout.TRANSACTED_ROOT_AFTER];
        _status.occupied = uint64(_setHead(_status.occupied, INBOX, values[Layout.TRANSACTED_INBOX_AFTER]));
        emit Transacted(r.number, values, batch.digest, batch.proof);
        VAULT.applySteps(steps, active);
    }

    /// @param key Which the caller has checked.
    function _setSequencerKey(uint256[2] memory key) private {
        _sequencerKeys.push(key);
        ++_era;
        emit SequencerKey(key[0], key[1]);
    }

    function _rungCount() private view returns (uint256 count) {
        while (count < MAX_RUNGS && address(_rungs[count].verifier) != address(0)) {
            ++count;
        }
    }

    function _checkpoint() private {
        VAULT.checkpoint(accountsRoot);
        if (RULED) ROUNDS.recordHoldings();
    }

    function _mark(Round memory r) private view {
        if (r.marked) return;
        r.marks = ROUNDS.marks();
        r.marked = true;
    }

    /// @return found Bit o: an active step has operation o.
    function _operations(uint256 number, uint256[] calldata steps, uint256 active)
        private
        pure
        returns (uint256 found)
    {
        for (uint256 i = 0; i < active; ++i) {
            uint256 op = steps[Layout.STEP * i + Layout.STEP_OP];
            if (OPERATIONS >> op & 1 == 0) revert InvalidStep(number, i);
            found |= 1 << op;
        }
        for (uint256 i = Layout.STEP * active; i < steps.length; ++i) {
            if (steps[i] != 0) revert InvalidStep(number, i / Layout.STEP);
        }
    }

    function _checkValues(uint256 number, Batch calldata batch, uint256 length) private pure {
        uint256[] calldata values = batch.values;
        if (values.length != length) revert WrongValuesLength(number, values.length, length);
        for (uint256 i = 0; i < length; ++i) {
            if (values[i] >= PublicVector.R) revert ValueNotInField(number, i);
        }
        if (batch.digest >= PublicVector.R) revert ValueNotInField(number, length);
    }

    function _checkActive(uint256 number, uint256 active, uint256 steps) private pure {
        if (active > steps) revert TooManySteps(number, active, steps);
    }

    function _signed(uint256 number, uint256 element) private pure returns (int256) {
        if (element < DELTA_END) return int256(element);
        uint256 size = PublicVector.R - element;
        if (size >= DELTA_END) revert DeltaTooLarge(number);
        return -int256(size);
    }
}
