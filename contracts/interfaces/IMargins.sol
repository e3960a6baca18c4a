// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Parameters} from "../libraries/RiskParameters.sol";

/// @notice How the risk parameters of an asset follow the market. Shares and margins in 1/10^4.
struct Rule {
    /// Initial factors and depth follow the market, and nobody proposes parameters.
    bool on;
    /// Gap between maintenance and initial margin in calm markets.
    uint16 gap;
    /// The slow lane: maintenance margin per unit of the slow quantile; 0: maintenance stays.
    uint16 laneScale;
    /// Bounds of the maintenance margin that the slow lane moves to.
    uint16 laneLeast;
    uint16 laneMost;
    /// A Uniswap v3 pool of the asset, whose liquidity depth follows; 0: depth follows the quantile.
    address pool;
    /// Seconds that the pool's liquidity is averaged over.
    uint32 window;
    /// Share of the pool's depth that counts.
    uint16 poolShare;
    /// The greatest depth that the pool gives.
    uint64 depthMost;
}

/// @title Margins: risk parameters, and how they follow the market.
/// @notice Assets are numbered 1 to 7.
interface IMargins {
    /// @notice An asset at the latest round.
    struct Standing {
        /// The price that values accounts; 0: there never was one.
        uint64 price;
        /// The prices that value new risk.
        uint64 low;
        uint64 high;
        /// The time of the first round at which the asset was held; 0: it is not.
        uint40 heldSince;
        /// Points by which the marks of a held asset are widened.
        uint8 widened;
        /// Whether the rule took a sample at the round: its reading is the stored state's then.
        bool sampled;
    }

    /// @notice Where the rule of an asset stands.
    struct Margin {
        /// As `MarginRule` packs it; 0: no round had a price yet.
        uint256 state;
        /// What the next six hours exceed once in a hundred, times 2^48; of the stored state.
        uint256 quantile;
        /// Stored gap, and the least one that liquidity allows, in 1/10^4.
        uint256 gap;
        uint256 liquidityGap;
        /// Base units of accounts and backstop at the last checkpoint; 0 for a synthetic.
        uint64 holdings;
        /// The time of the last change of depth; 0: there was none.
        uint40 depthChangedAt;
    }

    event ParametersProposed(uint256 indexed asset, Parameters parameters, uint256 readyAt);
    /// @notice Parameters of the round posted in the same transaction and of later ones; also at deployment. Where the
    /// rule is on, of maintenance and target only: the rest follows from what rounds say.
    event ParametersApplied(uint256 indexed asset, Parameters parameters);
    /// @notice At the deployment.
    /// @param token1 Whether the asset is the second of the pool's tokens. @param tokenDecimals Of that token.
    event RuleSet(uint256 indexed asset, Rule rule, bool token1, uint8 tokenDecimals);

    error InvalidConfig(string what);
    error UnknownAsset(uint256 asset);
    error NotAdmin();
    /// @notice Out of order, above a hard bound, or giving a mark of 2^64 or more.
    error InvalidParameters(uint256 asset);
    error BeyondStep(uint256 asset);
    /// @notice The asset's parameters follow the market: nobody proposes them.
    error FollowsMarket(uint256 asset);
    /// @notice The asset has no slow lane, or no rule that has started.
    error NoLane(uint256 asset);
    /// @notice The margin is less than two points from where the slow lane would move it.
    error NearEnough(uint256 margin, uint256 aim);
    /// @notice A step was announced a day ago or less, or waits.
    error AnnouncedBefore(uint256 asset);
    /// @notice The pool does not have the asset's token, or no observation so old.
    error InvalidPool(uint256 asset);

    /// @notice Proposes an asset's parameters, in place of any proposal not yet applied. Admin; not where the rule is
    /// on.
    function proposeParameters(uint256 asset, Parameters calldata parameters_) external;

    /// @notice Announces a step of one point of the maintenance margin towards where the slow lane wants it, and of the
    /// target with it. Anyone, once a day, where it is two points away or more; in force after the delay of
    /// parameters.
    function announceMaintenance(uint256 asset) external;

    /// @notice The active parameters.
    function parameters(uint256 asset) external view returns (Parameters memory);

    /// @notice The proposal that waits for its delay and a round; `readyAt` 0: there is none.
    function pendingParameters(uint256 asset) external view returns (Parameters memory proposed, uint256 readyAt);

    function rule(uint256 asset) external view returns (Rule memory);

    /// @return Whether the rule is on for any asset.
    function ruled() external view returns (bool);

    function standing(uint256 asset) external view returns (Standing memory);

    function margin(uint256 asset) external view returns (Margin memory);

    /// @notice The rule's reading at the latest round, times 2^48: within a grid step, as if that ended with it; of the
    /// stored state where the asset is held; where the rule is off or never started, of an ordinary market.
    /// @return s5 Variance of an hour. @return quantile What six hours exceed once in a hundred.
    function reading(uint256 asset) external view returns (uint256 s5, uint256 quantile);

    /// @return Bit a: asset a is held at the latest round.
    function held() external view returns (uint256);

    /// @return The latest round that tightened an initial factor, held an asset, or lowered a depth by which
    /// concentration is charged; 0: none did.
    function tightenedAt() external view returns (uint256);
}
