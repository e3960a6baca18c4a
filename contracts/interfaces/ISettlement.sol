// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IStepErrors} from "./IStepErrors.sol";
import {Proof} from "./IVerifier.sol";

/// @title Settlement of a private margin rollup: which accounts exist, where each is proven safe, and what was proven
/// of them.
/// @notice Assets are numbered 1 to 7; asset 0 is cash. Arrays over assets hold asset 1 at index 0, except backstop
/// vectors, which start with cash. Times are in seconds. Slot 0 holds the accounts in distress, slot 1 the inbox.
/// A head is a commitment to the stack of account leaves in a slot, blinded by a salt that only the sequencer knows; 0
/// means empty.
interface ISettlement is IStepErrors {
    enum Circuit {
        Sweep,
        Resolve,
        Transact
    }

    struct Config {
        /// `IGovernance` says how it changes.
        address operator;
        address vault;
        /// One to four circuits of sweeps, each of another size; a batch names its own by its place here.
        address[] sweepVerifiers;
        address resolveVerifier;
        address transactVerifier;
        /// Cash base units. Smaller positions are closed in full.
        uint64 minLiability;
        /// Slots 0 and 1 included, at most 64.
        uint8 slots;
        /// The sequencer's public key on BabyJubJub: no account is born that its owner cannot read by it. The one in
        /// force; `IGovernance` says how it changes.
        uint256[2] sequencerKey;
    }

    /// @notice Size of a sweep's circuit.
    struct SweepSize {
        uint256 steps;
        /// Slots that a batch names.
        uint256 window;
    }

    /// @notice Bounds on the marks u (floors) and v (ceilings) within which the accounts of a slot are proven safe.
    struct Opening {
        uint8 slot;
        uint64[7] floors;
        uint64[7] ceilings;
    }

    /// @notice One proven batch. All that the contract knows itself is not in here.
    struct Batch {
        /// Envelopes to open before the batch.
        Opening[] openings;
        Circuit circuit;
        /// Sweep: the place of its circuit among `Config.sweepVerifiers`. Others: 0.
        uint8 rung;
        /// Sweep: the slots that it works on, strictly increasing. Others: empty.
        uint8[] window;
        /// Sweep: headsAfter of the window; how many moves lead to them is not told. Resolve: active, rootAfter,
        /// distressAfter, inboxAfter, backstopDelta of assets 0 to 7 (negative x as r - |x|), badDebt, then (index,
        /// leaf, c0, c1, c2) of every step. Transact: active, rootAfter, inboxAfter, validUntil, then the ten public
        /// elements of every step.
        uint256[] values;
        /// Chained Poseidon of the public vector.
        uint256 digest;
        Proof proof;
        /// Sweep: for the operator's own eyes, repeated in the event. Others: never read.
        bytes memo;
    }

    /// @notice The import: `leaves`, of the accounts at each index, are in the tree `root` and the stack `inboxHead`.
    event Genesis(uint256 root, uint256 inboxHead, uint256[] leaves);
    event EnvelopeOpened(uint256 indexed slot, uint64[7] floors, uint64[7] ceilings);
    /// @notice One event a batch, with all that the batch said and the contract did not know: from events alone, and in
    /// their order, whoever reads them arrives at every leaf, ciphertext, head and root, and can check every proof.
    /// @param rung As in `Batch`. @param values Likewise. @param digest Likewise. @param memo As the operator wrote it:
    /// the moves, encrypted.
    event Swept(
        uint256 indexed round, uint8 rung, uint8[] window, uint256[] values, uint256 digest, Proof proof, bytes memo
    );
    event Resolved(uint256 indexed round, uint256[] values, uint256 digest, Proof proof);
    event Transacted(uint256 indexed round, uint256[] values, uint256 digest, Proof proof);
    /// @notice The end of a settlement. @param complete No account is breached at the marks of the round.
    event Settled(uint256 indexed round, bool complete);

    /// @notice From here on accounts are opened, and rekeyed, by this key; also at the deployment.
    event SequencerKey(uint256 x, uint256 y);

    error NotOperator();
    error NotGovernance();
    /// @notice The guardian has halted trades.
    error Halted();
    error InvalidConfig(string what);
    /// @notice The vault does not know this contract yet, or knows another.
    error NotBound();
    error LocalChainsOnly(uint256 chainId);
    /// @notice There was an import, or a deposit.
    error GenesisDone();
    error NotComplete();
    error SlotOutOfRange(uint256 slot);
    error SlotNotEmpty(uint256 slot);
    error SlotNotOpened(uint256 batch, uint256 slot);
    /// @notice There is no sweep circuit of this number; only sweeps have any but 0.
    error UnknownRung(uint256 batch, uint256 rung);
    error WrongWindowLength(uint256 batch, uint256 length, uint256 expected);
    error WindowNotIncreasing(uint256 batch, uint256 position);
    error WrongValuesLength(uint256 batch, uint256 length, uint256 expected);
    /// @notice Not below the order of the scalar field; `position` = values.length means the digest.
    error ValueNotInField(uint256 batch, uint256 position);
    error TooManySteps(uint256 batch, uint256 active, uint256 steps);
    error DeltaTooLarge(uint256 batch);
    /// @notice `validUntil` is over, or not below 2^40.
    error BatchExpired(uint256 batch, uint256 validUntil);
    /// @notice An active step without an operation that exists, or an inactive one that is not all zeros.
    error InvalidStep(uint256 batch, uint256 step);
    error InvalidProof(uint256 batch);

    /// @notice Imports the first accounts, all into the inbox, instead of their being opened by deposits. Operator,
    /// once, before any deposit, on local chains.
    /// @dev A trusted import, for tests and demonstrations: the contract checks neither what the leaves commit to nor
    /// that `root` and `inboxHead` are of these leaves, and nothing in the vault backs them. The head's salt is 0.
    /// @param leaves Leaf of the account at each index.
    function genesis(uint256 root, uint256 inboxHead, uint256[] calldata leaves) external;

    /// @notice Changes the operator. Governance, which answers for who that is.
    function setOperator(address to) external;

    /// @notice Changes the operator and the sequencer's key together. All proofs that were made before are void, as
    /// every proof is bound to the number of keys that there have been. Governance, which answers for who the operator
    /// is and for the key's being a point of large order.
    function setSequencer(address to, uint256[2] calldata key) external;

    /// @notice Refuses trades between accounts until then. Governance.
    function haltTrades(uint40 until) external;

    /// @notice Gives envelopes to slots whose stacks are empty. Operator.
    function openEnvelopes(Opening[] calldata openings) external;

    /// @notice Settles proven batches in order, each against the state that the one before left. Operator. Where that
    /// leaves the system complete at a fresh round, it is a checkpoint.
    /// @dev Of several batches the proofs come last: what else is wrong with any is said first. `InvalidProof` names
    /// the first false one.
    function settle(Batch[] calldata batches) external;

    /// @notice Makes a checkpoint of a system that is complete at a fresh round. Anyone.
    function checkpoint() external;

    /// @notice Whether the slot is opened and the latest round's marks are within its envelope: then every account in
    /// it is healthy. Never for slots 0 and 1.
    function isCovered(uint256 slot) external view returns (bool);

    /// @notice Whether no account at all is breached at the latest round's marks, as far as proven.
    function isComplete() external view returns (bool);

    function accountsRoot() external view returns (uint256);

    function head(uint256 slot) external view returns (uint256);

    function heads() external view returns (uint256[] memory);

    function envelope(uint256 slot)
        external
        view
        returns (bool opened, uint64[7] memory floors, uint64[7] memory ceilings);

    function config() external view returns (Config memory);

    /// @notice Sizes of the sweeps in the order of `Config.sweepVerifiers`, steps of a resolve and of a transact: as
    /// the verifiers' keys have them.
    function batchSizes()
        external
        view
        returns (SweepSize[] memory sweeps, uint256 resolveSteps, uint256 transactSteps);

    /// @return The root of a tree without accounts.
    function emptyRoot() external view returns (uint256);

    /// @return The most accounts that the tree holds.
    function accountsMax() external view returns (uint256);

    function operator() external view returns (address);

    /// @return The sequencer's keys since the deployment in their order; the last is in force.
    function sequencerKeys() external view returns (uint256[2][] memory);

    /// @notice Trades between accounts are refused before this time.
    function tradesHaltedUntil() external view returns (uint40);

    function rounds() external view returns (address);

    function vault() external view returns (address);

    /// @return Time of the deployment: a reader of events starts at the first block that is no older. See `IRounds`.
    function deployedAt() external view returns (uint256);
}
