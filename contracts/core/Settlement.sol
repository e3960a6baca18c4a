// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BabyJubJub} from "../libraries/BabyJubJub.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {ISettlement} from "../interfaces/ISettlement.sol";
import {IVault} from "../interfaces/IVault.sol";
import {ITransactVerifier, IVerifier, IWindowVerifier} from "../interfaces/IVerifier.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Proofs} from "../libraries/Proofs.sol";
import {PublicVector} from "../libraries/PublicVector.sol";
import {Parameters} from "../libraries/RiskParameters.sol";

/// @title The settlement contract; see `ISettlement` for what each function promises.
/// @dev Calls to verifiers and rounds are static; the vault, which calls only contracts of this deployment back, is called
/// after a batch's own changes.
contract Settlement is ISettlement {
    using Lanes for uint64[7];
    using Lanes for uint256[2];

    /// @dev Bound on the size of a batch's backstop deltas and bad debt: their sums never overflow.
    uint256 private constant DELTA_END = 1 << 127;
    /// @dev Slots below this one have no envelope.
    uint256 private constant FIRST_ENVELOPE = 2;
    /// @dev Public elements of a step of a transact, and of its vector before the steps.
    uint256 private constant STEP = 10;
    uint256 private constant STEPS_AT = 45;
    uint256 private constant OPS = 9;
    /// @dev Bit o: operation o needs a fresh round (withdraw, trade, unwind, forced, discharge).
    uint256 private constant NEEDS_MARKS = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8;

    struct Status {
        /// Bit s: slot s may be in a window. Slots 0 and 1 always may.
        uint64 opened;
        /// Bit s: the stack of slot s is not empty.
        uint64 occupied;
    }

    struct Envelope {
        uint256[2] floors;
        uint256[2] ceilings;
    }

    IRounds private immutable ROUNDS;
    IVault private immutable VAULT;
    IVerifier private immutable SWEEP;
    IVerifier private immutable RESOLVE;
    IVerifier private immutable TRANSACT;
    uint256 private immutable SWEEP_STEPS;
    uint256 private immutable SWEEP_WINDOW;
    uint256 private immutable RESOLVE_STEPS;
    uint256 private immutable TRANSACT_STEPS;
    uint64 private immutable MIN_LIABILITY;
    uint8 private immutable SLOTS;
    uint256 private immutable KEY_X;
    uint256 private immutable KEY_Y;
    /// @inheritdoc ISettlement
    address public immutable operator;
    /// @inheritdoc ISettlement
    uint256 public immutable emptyRoot;
    /// @inheritdoc ISettlement
    uint256 public immutable accountsMax;
    /// @inheritdoc ISettlement
    uint256 public immutable deployedAt;

    Status private _status;
    /// @inheritdoc ISettlement
    uint256 public accountsRoot;
    uint256[64] private _heads;
    Envelope[64] private _envelopes;

    modifier onlyOperator() {
        if (msg.sender != operator) revert NotOperator();
        _;
    }

    constructor(Config memory c) {
        if (c.operator == address(0)) revert InvalidConfig("operator");
        if (c.slots <= FIRST_ENVELOPE || c.slots > 64) revert InvalidConfig("slots");
        (uint256 x, uint256 y) = (c.sequencerKey[0], c.sequencerKey[1]);
        if (!BabyJubJub.isCanonical(x, y) || !BabyJubJub.isOnCurve(x, y) || BabyJubJub.isSmallOrder(x, y)) {
            revert InvalidConfig("sequencerKey");
        }

        operator = c.operator;
        VAULT = IVault(c.vault);
        ROUNDS = IRounds(VAULT.rounds());
        MIN_LIABILITY = c.minLiability;
        SLOTS = c.slots;
        (KEY_X, KEY_Y) = (x, y);

        IWindowVerifier sweep = IWindowVerifier(c.sweepVerifier);
        SWEEP = sweep;
        SWEEP_STEPS = sweep.steps();
        SWEEP_WINDOW = sweep.window();
        if (SWEEP_STEPS == 0 || SWEEP_WINDOW < 2 || SWEEP_WINDOW > c.slots) revert InvalidConfig("sweepVerifier");
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
        deployedAt = block.number;
        _status.opened = 3;
    }

    /// @inheritdoc ISettlement
    function genesis(uint256 root, uint256 inboxHead, uint256[] calldata leaves) external onlyOperator {
        if (block.chainid != 31337 && block.chainid != 1337) revert LocalChainsOnly(block.chainid);
        if (accountsRoot != emptyRoot || VAULT.nextIndex() != 0) revert GenesisDone();
        if (root >= PublicVector.R || inboxHead >= PublicVector.R) revert InvalidConfig("genesis");
        accountsRoot = root;
        _status.occupied = uint64(_setHead(_status.occupied, 1, inboxHead));
        emit Genesis(root, inboxHead, leaves.length);
        VAULT.reserveIndices(leaves.length);
    }

    /// @inheritdoc ISettlement
    function openEnvelopes(Opening[] calldata openings) public onlyOperator {
        for (uint256 i = 0; i < openings.length; ++i) {
            uint256 slot = openings[i].slot;
            if (slot < FIRST_ENVELOPE || slot >= SLOTS) revert SlotOutOfRange(slot);
            if (_heads[slot] != 0) revert SlotNotEmpty(slot);
            uint64[7] memory floors = openings[i].floors;
            uint64[7] memory ceilings = openings[i].ceilings;
            _envelopes[slot] = Envelope(floors.pack(), ceilings.pack());
            _status.opened |= uint64(1 << slot);
            emit EnvelopeOpened(slot, floors, ceilings);
        }
    }

    /// @inheritdoc ISettlement
    function settle(Batch[] calldata batches) external onlyOperator {
        if (VAULT.settlement() != address(this)) revert NotBound();
        if (VAULT.frozen()) revert Frozen();
        for (uint256 i = 0; i < batches.length; ++i) {
            openEnvelopes(batches[i].openings);
            if (batches[i].circuit == Circuit.Sweep) _sweep(i, batches[i]);
            else if (batches[i].circuit == Circuit.Resolve) _resolve(i, batches[i]);
            else _transact(i, batches[i]);
        }
        bool complete = isComplete();
        emit Settled(ROUNDS.roundNumber(), complete);
        if (complete && ROUNDS.fresh()) VAULT.checkpoint(accountsRoot);
    }

    /// @inheritdoc ISettlement
    function checkpoint() external {
        if (!ROUNDS.fresh()) revert NoFreshRound();
        if (!isComplete()) revert NotComplete();
        VAULT.checkpoint(accountsRoot);
    }

    /// @inheritdoc ISettlement
    function isCovered(uint256 slot) external view returns (bool) {
        if (slot < FIRST_ENVELOPE || slot >= SLOTS || _status.opened >> slot & 1 == 0 || ROUNDS.roundNumber() == 0) {
            return false;
        }
        (uint256[2] memory u, uint256[2] memory v) = ROUNDS.maintenance();
        return _contains(_envelopes[slot], u, v);
    }

    /// @inheritdoc ISettlement
    function isComplete() public view returns (bool) {
        uint256 occupied = _status.occupied;
        if (occupied & 3 != 0 || ROUNDS.roundNumber() == 0) return false;
        (uint256[2] memory u, uint256[2] memory v) = ROUNDS.maintenance();
        for (uint256 slot = FIRST_ENVELOPE; occupied >> slot != 0; ++slot) {
            if (occupied >> slot & 1 == 1 && !_contains(_envelopes[slot], u, v)) return false;
        }
        return true;
    }

    /// @inheritdoc ISettlement
    function marks() external view returns (uint64[9][7] memory) {
        return ROUNDS.marks();
    }

    /// @inheritdoc ISettlement
    function round() external view returns (uint256 number, uint256 timestamp, uint64[7] memory prices) {
        return ROUNDS.round();
    }

    /// @inheritdoc ISettlement
    function head(uint256 slot) external view returns (uint256) {
        if (slot >= SLOTS) revert SlotOutOfRange(slot);
        return _heads[slot];
    }

    /// @inheritdoc ISettlement
    function heads() external view returns (uint256[] memory all) {
        all = new uint256[](SLOTS);
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            all[slot] = _heads[slot];
        }
    }

    /// @inheritdoc ISettlement
    function envelope(uint256 slot)
        external
        view
        returns (bool opened, uint64[7] memory floors, uint64[7] memory ceilings)
    {
        if (slot < FIRST_ENVELOPE || slot >= SLOTS) revert SlotOutOfRange(slot);
        Envelope memory e = _envelopes[slot];
        return (_status.opened >> slot & 1 == 1, e.floors.unpack(), e.ceilings.unpack());
    }

    /// @inheritdoc ISettlement
    function backstop() external view returns (int256[8] memory) {
        return VAULT.backstop();
    }

    /// @inheritdoc ISettlement
    function badDebt() external view returns (uint256) {
        return VAULT.badDebt();
    }

    /// @inheritdoc ISettlement
    function config() external view returns (Config memory) {
        return Config({
            operator: operator,
            vault: address(VAULT),
            sweepVerifier: address(SWEEP),
            resolveVerifier: address(RESOLVE),
            transactVerifier: address(TRANSACT),
            minLiability: MIN_LIABILITY,
            slots: SLOTS,
            sequencerKey: [KEY_X, KEY_Y]
        });
    }

    /// @inheritdoc ISettlement
    function assetCount() external view returns (uint256) {
        return ROUNDS.assetCount();
    }

    /// @inheritdoc ISettlement
    function assetConfig(uint256 asset)
        external
        view
        returns (address feed, uint8 feedDecimals, uint8 decimals, uint32 heartbeat)
    {
        return ROUNDS.assetConfig(asset);
    }

    /// @inheritdoc ISettlement
    function parameters(uint256 asset) external view returns (Parameters memory) {
        return ROUNDS.parameters(asset);
    }

    /// @inheritdoc ISettlement
    function batchSizes()
        external
        view
        returns (uint256 sweepSteps, uint256 sweepWindow, uint256 resolveSteps, uint256 transactSteps)
    {
        return (SWEEP_STEPS, SWEEP_WINDOW, RESOLVE_STEPS, TRANSACT_STEPS);
    }

    /// @inheritdoc ISettlement
    function rounds() external view returns (address) {
        return address(ROUNDS);
    }

    /// @inheritdoc ISettlement
    function vault() external view returns (address) {
        return address(VAULT);
    }

    /// @dev D = active, headsBefore[W], headsAfter[W], free[W], floors[W][7], ceilings[W][7]. It needs no round: it proves
    /// accounts safe in envelopes, not at marks.
    function _sweep(uint256 number, Batch calldata batch) private {
        uint256 w = SWEEP_WINDOW;
        uint8[] calldata window = batch.window;
        uint256[] calldata values = batch.values;
        if (window.length != w) revert WrongWindowLength(number, window.length, w);
        _checkValues(number, batch, 1 + w, SWEEP_STEPS);

        uint256 opened = _status.opened;
        uint256[] memory d = new uint256[](2 + 17 * w);
        d[0] = values[0];
        for (uint256 j = 0; j < w; ++j) {
            uint256 slot = window[j];
            if (j > 0 && slot <= window[j - 1]) revert WindowNotIncreasing(number, j);
            if (opened >> slot & 1 == 0) revert SlotNotOpened(number, slot);
            d[1 + j] = _heads[slot];
            d[1 + w + j] = values[1 + j];
            if (slot < FIRST_ENVELOPE) {
                d[1 + 2 * w + j] = 1;
            } else {
                Envelope memory e = _envelopes[slot];
                e.floors.spread(d, 1 + 3 * w + 7 * j);
                e.ceilings.spread(d, 1 + 10 * w + 7 * j);
            }
        }
        _verify(number, SWEEP, d, batch);

        uint256 occupied = _status.occupied;
        for (uint256 j = 0; j < w; ++j) {
            occupied = _setHead(occupied, window[j], values[1 + j]);
        }
        _status.occupied = uint64(occupied);
        emit Swept(ROUNDS.roundNumber(), window, values[1:], values[0]);
    }

    /// @dev D = active, rootBefore, rootAfter, distressBefore, distressAfter, inboxBefore, inboxAfter, minLiability,
    /// marks[7][9], backstopDelta[8], badDebt, writes[n][5].
    function _resolve(uint256 number, Batch calldata batch) private {
        uint256[] calldata values = batch.values;
        if (batch.window.length != 0) revert WrongWindowLength(number, batch.window.length, 0);
        _checkValues(number, batch, 13 + 5 * RESOLVE_STEPS, RESOLVE_STEPS);
        if (!ROUNDS.fresh()) revert NoFreshRound();

        uint256[] memory d = new uint256[](81 + 5 * RESOLVE_STEPS);
        d[0] = values[0];
        d[1] = accountsRoot;
        d[2] = values[1];
        d[3] = _heads[0];
        d[4] = values[2];
        d[5] = _heads[1];
        d[6] = values[3];
        d[7] = MIN_LIABILITY;
        uint64[9][7] memory m = ROUNDS.marks();
        for (uint256 a = 0; a < 7; ++a) {
            for (uint256 k = 0; k < 9; ++k) {
                d[8 + 9 * a + k] = m[a][k];
            }
        }
        for (uint256 i = 4; i < values.length; ++i) {
            d[67 + i] = values[i];
        }
        _verify(number, RESOLVE, d, batch);

        accountsRoot = values[1];
        _status.occupied = uint64(_setHead(_setHead(_status.occupied, 0, values[2]), 1, values[3]));
        int256[8] memory delta;
        for (uint256 a = 0; a < 8; ++a) {
            delta[a] = _signed(number, values[4 + a]);
        }
        uint256 debt = values[12];
        if (debt >= DELTA_END) revert DeltaTooLarge(number);
        emit Resolved(ROUNDS.roundNumber(), values[1], values[2], values[3], values[0], delta, debt);
        VAULT.liquidated(delta, debt);
    }

    /// @dev D = active, rootBefore, rootAfter, inboxBefore, inboxAfter, chain id, this address, sequencer's key x and y,
    /// validUntil, (price, ut, vt, sell, buy)[7], steps[n][10]. What a step says of deposits and requests, the vault compares
    /// with its storage before anything is booked.
    function _transact(uint256 number, Batch calldata batch) private {
        uint256[] calldata values = batch.values;
        if (batch.window.length != 0) revert WrongWindowLength(number, batch.window.length, 0);
        _checkValues(number, batch, 4 + STEP * TRANSACT_STEPS, TRANSACT_STEPS);
        uint256 validUntil = values[3];
        if (validUntil < block.timestamp || validUntil >= 1 << 40) revert BatchExpired(number, validUntil);
        uint256[] calldata steps = values[4:];
        if (_operations(number, steps, values[0]) & NEEDS_MARKS != 0 && !ROUNDS.fresh()) revert NoFreshRound();

        uint256[] memory d = new uint256[](STEPS_AT + 1 + STEP * TRANSACT_STEPS);
        d[0] = values[0];
        d[1] = accountsRoot;
        d[2] = values[1];
        d[3] = _heads[1];
        d[4] = values[2];
        d[5] = block.chainid;
        d[6] = uint160(address(this));
        d[7] = KEY_X;
        d[8] = KEY_Y;
        d[9] = validUntil;
        uint64[9][7] memory m = ROUNDS.marks();
        for (uint256 a = 0; a < 7; ++a) {
            uint64[9] memory mark = m[a];
            uint256 first = 10 + 5 * a;
            d[first] = mark[0];
            for (uint256 k = 1; k < 5; ++k) {
                d[first + k] = mark[2 + k];
            }
        }
        for (uint256 i = 0; i < steps.length; ++i) {
            d[STEPS_AT + i] = steps[i];
        }
        _verify(number, TRANSACT, d, batch);

        accountsRoot = values[1];
        _status.occupied = uint64(_setHead(_status.occupied, 1, values[2]));
        emit Transacted(ROUNDS.roundNumber(), values[1], values[2], values[0], validUntil);
        VAULT.applySteps(steps, values[0]);
    }

    /// @return found Bit o: an active step has operation o.
    function _operations(uint256 number, uint256[] calldata steps, uint256 active) private pure returns (uint256 found) {
        for (uint256 i = 0; i < active; ++i) {
            uint256 op = steps[STEP * i];
            if (op == 0 || op > OPS) revert InvalidStep(number, i);
            found |= 1 << op;
        }
        for (uint256 i = STEP * active; i < steps.length; ++i) {
            if (steps[i] != 0) revert InvalidStep(number, i / STEP);
        }
    }

    function _checkValues(uint256 number, Batch calldata batch, uint256 length, uint256 steps) private pure {
        uint256[] calldata values = batch.values;
        if (values.length != length) revert WrongValuesLength(number, values.length, length);
        for (uint256 i = 0; i < length; ++i) {
            if (values[i] >= PublicVector.R) revert ValueNotInField(number, i);
        }
        if (batch.digest >= PublicVector.R) revert ValueNotInField(number, length);
        if (values[0] > steps) revert TooManySteps(number, values[0], steps);
    }

    /// @param d The public vector, with room for the digest at its end.
    function _verify(uint256 number, IVerifier verifier, uint256[] memory d, Batch calldata batch) private view {
        if (!Proofs.verify(verifier, d, batch.digest, batch.proof)) revert InvalidProof(number);
    }

    /// @return The mask `occupied` with the slot's new bit.
    function _setHead(uint256 occupied, uint256 slot, uint256 newHead) private returns (uint256) {
        _heads[slot] = newHead;
        return newHead == 0 ? occupied & ~(1 << slot) : occupied | 1 << slot;
    }

    function _signed(uint256 number, uint256 element) private pure returns (int256) {
        if (element < DELTA_END) return int256(element);
        uint256 size = PublicVector.R - element;
        if (size >= DELTA_END) revert DeltaTooLarge(number);
        return -int256(size);
    }

    function _contains(Envelope memory e, uint256[2] memory u, uint256[2] memory v) private pure returns (bool) {
        return u.allAtLeast(e.floors) && e.ceilings.allAtLeast(v);
    }
}
