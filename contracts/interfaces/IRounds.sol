// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Parameters} from "../libraries/RiskParameters.sol";

/// @title Rounds: prices from feeds, risk parameters, the marks that follow from both, and the clock of forced
/// deadlines.
/// @notice Assets are numbered 1 to 7; arrays over assets hold asset 1 at index 0. Times are in seconds.
interface IRounds {
    struct Config {
        address governance;
        uint8 cashDecimals;
        /// The longest that proving a round may take; it has to be below `roundMin`.
        uint32 provingTime;
        /// A round older than this may be replaced.
        uint32 roundMin;
        /// A round older than this may be replaced if the system is complete at it.
        uint32 roundShort;
        /// Marks of a round this old or older are not used.
        uint32 maxAge;
        /// From the proposal of risk parameters to the first round that may apply them.
        uint32 parameterDelay;
    }

    struct AssetConfig {
        /// Price in cash per whole unit: Chainlink's AggregatorV3Interface.
        address feed;
        /// Internal decimals, at most 8.
        uint8 decimals;
        /// An answer older than this is stale.
        uint32 heartbeat;
        Parameters parameters;
    }

    /// @param prices As read from the feeds, 2^32 scale, before the rule for prices below 2^16; 0 for unused assets.
    event RoundPosted(uint256 indexed round, uint64[7] prices, uint256 timestamp);
    event ParametersProposed(uint256 indexed asset, Parameters parameters, uint256 readyAt);
    /// @notice Parameters of the round posted in the same transaction and of later ones; also at deployment.
    event ParametersApplied(uint256 indexed asset, Parameters parameters);
    event Bound(address settlement);

    error NotAdmin();
    error NotGovernance();
    error NotDeployer();
    error AlreadyBound();
    /// @notice The contract does not know its settlement yet.
    error NotBound();
    /// @notice The system was frozen for good.
    error Frozen();
    error InvalidConfig(string what);
    error UnknownAsset(uint256 asset);
    /// @notice Out of order, above a hard bound, or giving a mark of 2^64 or more.
    error InvalidParameters(uint256 asset);
    error BeyondStep(uint256 asset);
    error RoundTooEarly();
    error FeedFailed(uint256 asset);
    error FeedDecimalsChanged(uint256 asset);
    error AnswerNotPositive(uint256 asset);
    error AnswerStale(uint256 asset, uint256 updatedAt);
    error AnswerFromFuture(uint256 asset, uint256 updatedAt);
    error PriceTooHigh(uint256 asset);

    /// @notice Names the settlement, whose vault must name this contract. Deployer, once.
    function bind(address settlement_) external;

    /// @notice Posts the feeds' prices as a new round, after applying the parameters whose delay is over. Anyone, when
    /// the latest round is older than `roundMin`, or older than `roundShort` and the system complete.
    function postRound() external;

    /// @notice Proposes an asset's parameters, in place of any proposal not yet applied. Admin.
    function proposeParameters(uint256 asset, Parameters calldata parameters_) external;

    /// @notice Sets the clocks, as in `Config`. Governance, which answers for their order.
    function setClocks(
        uint32 provingTime,
        uint32 roundMin,
        uint32 roundShort,
        uint32 maxAge_,
        uint32 parameterDelay
    ) external;

    /// @notice price, u, v, ut, vt, sell, buy, kSell, kBuy, ui, vi of assets 1 to 7 at the latest round; 0 before the first.
    function marks() external view returns (uint64[11][7] memory);

    /// @notice u and v of assets 1 to 7 at the latest round, packed as `Lanes` does; 0 before the first.
    function maintenance() external view returns (uint256[2] memory u, uint256[2] memory v);

    /// @notice The latest round; `number` is 0 before the first.
    function round() external view returns (uint256 number, uint256 timestamp, uint64[7] memory prices);

    /// @return The number of the latest round; 0 before the first.
    function roundNumber() external view returns (uint256);

    /// @notice Whether there is a round and the latest is younger than `maxAge`: only then are its marks used.
    function fresh() external view returns (bool);

    /// @notice `roundNumber` and `fresh` in one.
    function latest() external view returns (uint256 number, bool isFresh);

    /// @notice The prices that a round posted now would have, of assets 1 to 7; reverts with the fault of a feed that
    /// gives no valid answer.
    function readPrices() external view returns (uint64[7] memory prices);

    /// @notice The clock of forced deadlines, in seconds. It runs while the latest round is fresh and stands still
    /// after that. The next round adds what half of the time since the last one exceeds that by.
    function liveTime() external view returns (uint256);

    function maxAge() external view returns (uint256);

    function config() external view returns (Config memory);

    /// @return Assets besides cash.
    function assetCount() external view returns (uint256);

    /// @return Internal decimals of assets 0 to `assetCount`.
    function decimals(uint256 asset) external view returns (uint8);

    function assetConfig(uint256 asset)
        external
        view
        returns (address feed, uint8 feedDecimals, uint8 decimals, uint32 heartbeat);

    /// @notice The active parameters.
    function parameters(uint256 asset) external view returns (Parameters memory);

    /// @notice The proposal that waits for its delay and a round; `readyAt` 0: there is none.
    function pendingParameters(uint256 asset) external view returns (Parameters memory proposed, uint256 readyAt);

    function settlement() external view returns (address);

    function governance() external view returns (address);

    /// @return The time of the deployment. It is the first of those contracts of a system whose events matter: a reader
    /// starts at the first block that is no older. Not a number of a block: on some rollups contracts see those of
    /// another chain.
    function deployedAt() external view returns (uint256);
}
