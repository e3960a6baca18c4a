// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Parameters} from "./RiskParameters.sol";

/// @title Settlement of a private margin rollup: which accounts exist, where each is proven safe, and what was liquidated.
/// @notice Assets are numbered 1 to 7; asset 0 is cash. Arrays over assets hold asset 1 at index 0, except backstop
/// vectors, which start with cash. Times are in seconds. Slot 0 holds the accounts in distress, slot 1 the inbox.
/// A head is a commitment to the stack of account leaves in a slot; 0 means empty.
interface ISettlement {
    enum Circuit {
        Sweep,
        Resolve
    }

    struct Config {
        address admin;
        address operator;
        address sweepVerifier;
        address resolveVerifier;
        uint8 cashDecimals;
        /// Cash base units. Smaller positions are closed in full.
        uint64 minLiability;
        /// Slots 0 and 1 included, at most 64.
        uint8 slots;
        /// The longest that proving a round may take; it has to be below `roundMin`.
        uint32 provingTime;
        /// A round older than this may be replaced.
        uint32 roundMin;
        /// A round older than this may be replaced if the system is complete at it.
        uint32 roundShort;
        /// Marks of a round this old or older are not used.
        uint32 maxAge;
        uint32 grace;
        /// From the proposal of risk parameters to the first round that may apply them.
        uint32 parameterDelay;
    }

    struct AssetConfig {
        /// Price in cash per whole unit: Chainlink's AggregatorV3Interface.
        address feed;
        uint8 decimals;
        /// An answer older than this is stale.
        uint32 heartbeat;
        Parameters parameters;
    }

    /// @notice Bounds on the marks u (floors) and v (ceilings) within which the accounts of a slot are proven safe.
    struct Opening {
        uint8 slot;
        uint64[7] floors;
        uint64[7] ceilings;
    }

    struct Proof {
        uint256[2] a;
        uint256[2][2] b;
        uint256[2] c;
    }

    /// @notice One proven batch. All that the contract knows itself is not in here.
    struct Batch {
        /// Envelopes to open before the batch.
        Opening[] openings;
        Circuit circuit;
        /// Sweep: the slots that it works on, strictly increasing. Resolve: empty.
        uint8[] window;
        /// Sweep: active, headsAfter of the window. Resolve: active, rootAfter, distressAfter, inboxAfter,
        /// backstopDelta of assets 0 to 7 (negative x as r - |x|), badDebt, then (index, leaf, c0, c1, c2) of every step.
        uint256[] values;
        /// Chained Poseidon of the public vector.
        uint256 digest;
        Proof proof;
    }

    /// @notice The import: `count` leaves, in the transaction's call data, are in the tree `root` and the stack `inboxHead`.
    event Genesis(uint256 root, uint256 inboxHead, uint256 count);
    /// @param prices As read from the feeds, 2^32 scale, before the rule for prices below 2^16; 0 for unused assets.
    event RoundPosted(uint256 indexed round, uint64[7] prices, uint256 timestamp);
    event ParametersProposed(uint256 indexed asset, Parameters parameters, uint256 readyAt);
    /// @notice Parameters of the round posted in the same transaction and of later ones; also at deployment.
    event ParametersApplied(uint256 indexed asset, Parameters parameters);
    event EnvelopeOpened(uint256 indexed slot, uint64[7] floors, uint64[7] ceilings);
    event Swept(uint256 indexed round, uint8[] window, uint256[] headsAfter, uint256 active);
    /// @param backstopDelta Base units of assets 0 to 7. @param badDebt Cash base units.
    event Resolved(
        uint256 indexed round,
        uint256 rootAfter,
        uint256 distressAfter,
        uint256 inboxAfter,
        uint256 active,
        int256[8] backstopDelta,
        uint256 badDebt
    );
    /// @notice The end of a settlement. @param complete No account is breached at the marks of the round.
    event Settled(uint256 indexed round, bool complete);

    error NotAdmin();
    error NotOperator();
    error InvalidConfig(string what);
    error UnknownAsset(uint256 asset);
    /// @notice Out of order, above a hard bound, or giving a mark of 2^64 or more.
    error InvalidParameters(uint256 asset);
    error BeyondStep(uint256 asset);
    error GenesisDone();
    error GenesisMissing();
    error RoundTooEarly();
    /// @notice There is no round, or the latest is not younger than `maxAge`.
    error NoFreshRound();
    error FeedFailed(uint256 asset);
    error FeedDecimalsChanged(uint256 asset);
    error AnswerNotPositive(uint256 asset);
    error AnswerStale(uint256 asset, uint256 updatedAt);
    error AnswerFromFuture(uint256 asset, uint256 updatedAt);
    error PriceTooHigh(uint256 asset);
    error SlotOutOfRange(uint256 slot);
    error SlotNotEmpty(uint256 slot);
    error SlotNotOpened(uint256 batch, uint256 slot);
    error WrongWindowLength(uint256 batch, uint256 length, uint256 expected);
    error WindowNotIncreasing(uint256 batch, uint256 position);
    error WrongValuesLength(uint256 batch, uint256 length, uint256 expected);
    /// @notice Not below the order of the scalar field; `position` = values.length means the digest.
    error ValueNotInField(uint256 batch, uint256 position);
    error TooManySteps(uint256 batch, uint256 active, uint256 steps);
    error DeltaTooLarge(uint256 batch);
    error InvalidProof(uint256 batch);

    /// @notice Imports the first accounts, all into the inbox. Operator, once, before any round.
    /// @dev A trusted import: the contract checks neither what the leaves commit to nor that `root` and `inboxHead` are of
    /// these leaves. Anyone can check the latter from the call data; nobody but the operator knows the former.
    /// @param leaves Leaf of the account at each index; read from call data only, by whoever audits.
    function genesis(uint256 root, uint256 inboxHead, uint256[] calldata leaves) external;

    /// @notice Posts the feeds' prices as a new round, after applying the parameters whose delay is over. Anyone, when the
    /// latest round is older than `roundMin`, or older than `roundShort` and the system complete.
    function postRound() external;

    /// @notice Proposes an asset's parameters, in place of any proposal not yet applied. Admin.
    function proposeParameters(uint256 asset, Parameters calldata parameters_) external;

    /// @notice Gives envelopes to slots whose stacks are empty. Operator, after genesis.
    function openEnvelopes(Opening[] calldata openings) external;

    /// @notice Settles proven batches in order, each against the state that the one before left. Operator.
    function settle(Batch[] calldata batches) external;

    /// @notice Whether the slot is opened and the latest round's marks are within its envelope: then every account in it
    /// is healthy. Never for slots 0 and 1.
    function isCovered(uint256 slot) external view returns (bool);

    /// @notice Whether no account at all is breached at the latest round's marks, as far as proven.
    function isComplete() external view returns (bool);

    /// @notice price, u, v, ut, vt, sell, buy, kSell, kBuy of assets 1 to 7 at the latest round; 0 before the first.
    function marks() external view returns (uint64[9][7] memory);

    /// @notice The latest round; `number` is 0 before the first.
    function round() external view returns (uint256 number, uint256 timestamp, uint64[7] memory prices);

    function accountsRoot() external view returns (uint256);

    function head(uint256 slot) external view returns (uint256);

    function heads() external view returns (uint256[] memory);

    function envelope(uint256 slot)
        external
        view
        returns (bool opened, uint64[7] memory floors, uint64[7] memory ceilings);

    /// @return Base units of assets 0 to 7; negative: the backstop is short.
    function backstop() external view returns (int256[8] memory);

    /// @return Cash base units, since the beginning.
    function badDebt() external view returns (uint256);

    function config() external view returns (Config memory);

    function assetCount() external view returns (uint256);

    function assetConfig(uint256 asset)
        external
        view
        returns (address feed, uint8 feedDecimals, uint8 decimals, uint32 heartbeat);

    /// @notice The active parameters.
    function parameters(uint256 asset) external view returns (Parameters memory);

    /// @notice The proposal that waits for its delay and a round; `readyAt` 0: there is none.
    function pendingParameters(uint256 asset) external view returns (Parameters memory proposed, uint256 readyAt);

    /// @notice Steps of a sweep, slots of its window, steps of a resolve: as the verifiers' keys have them.
    function batchSizes() external view returns (uint256 sweepSteps, uint256 sweepWindow, uint256 resolveSteps);

    /// @return The block of the deployment: where a reader of events starts.
    function deployedAt() external view returns (uint256);
}
