// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Parameters} from "../libraries/RiskParameters.sol";
import {IMargins, Rule} from "./IMargins.sol";

/// @title Rounds: prices from the oracles, the marks that follow from them and from risk parameters, and the clocks of
/// deadlines.
/// @notice Assets are numbered 1 to 7; arrays over assets hold asset 1 at index 0. Times are in seconds.
interface IRounds is IMargins {
    struct Config {
        address governance;
        address oracles;
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
        /// How long an asset may be held before its marks are widened, and forced requests' clock stands for it.
        uint32 patience;
        /// Share of opening fees that goes to tips, in 1/10^4, at most a half.
        uint16 tipShare;
        /// To whoever posts the first round of a grid step, in the chain's coin.
        uint96 roundTip;
        /// Factor of what initial margins charge for concentration, in 1/10^4: 0 is off, else 10,000 to 80,000.
        uint32 concentration;
    }

    struct AssetConfig {
        Parameters parameters;
        Rule rule;
    }

    /// @notice What the liquidation market sells an asset by.
    struct Sale {
        /// The latest round; 0 before the first.
        uint64 round;
        uint40 time;
        /// Also where the asset never had a price.
        bool held;
        /// Marks.
        uint64 price;
        uint64 sell;
        uint64 buy;
        /// Base units; 0: none is known.
        uint64 depth;
        /// As in `Config`.
        uint32 roundMin;
        uint32 maxAge;
    }

    /// @param prices Those that value accounts, 2^32 scale, before the rule for prices below 2^16; 0 for unused assets
    /// and those that never had one.
    /// @param answers What the sources said: `IOracles.update`.
    /// @param pools What the pools of assets 1, 2, ... said of their liquidity: its harmonic mean from bit 24, 2^23
    /// plus the mean tick below; 0 where none was asked, or it did not say.
    event RoundPosted(
        uint256 indexed round, uint64[7] prices, uint256 timestamp, uint256[] answers, uint256[] pools
    );
    event Tipped(address indexed poster, uint256 amount);
    event Bound(address settlement);

    error NotGovernance();
    error NotSettlement();
    error NotDeployer();
    error AlreadyBound();
    /// @notice The contract does not know its settlement yet.
    error NotBound();
    /// @notice The system was frozen for good.
    error Frozen();
    /// @notice The chain's sequencer is down, or not up for long enough.
    error Down();
    error RoundTooEarly();

    /// @notice Names the settlement, whose vault must name this contract, and the market, which must name that vault.
    /// Deployer, once.
    function bind(address settlement_, address market_) external;

    /// @notice Posts what the oracles read as a new round, after applying the parameters whose delay is over and
    /// stepping those that follow the market. Anyone, when the latest round is older than `roundMin`, or older than
    /// `roundShort` and the system complete.
    function postRound() external;

    /// @notice Adds to what tips are paid from. Anyone.
    function addTips() external payable;

    /// @notice Takes down what accounts and backstop hold of the assets whose rule is on. Settlement, at a checkpoint.
    function recordHoldings() external;

    /// @notice Sets the clocks, as in `Config`. Governance, which answers for their order.
    function setClocks(
        uint32 provingTime,
        uint32 roundMin,
        uint32 roundShort,
        uint32 maxAge_,
        uint32 parameterDelay
    ) external;

    /// @notice price, u, v, ut, vt, sell, buy, kSell, kBuy, ui, vi, kappa of assets 1 to 7 at the latest round; 0
    /// before the first.
    function marks() external view returns (uint64[12][7] memory);

    /// @notice An asset at the latest round, as the market sells it.
    function sale(uint256 asset) external view returns (Sale memory);

    /// @notice u and v of assets 1 to 7 at the latest round, packed as `Lanes` does; 0 before the first.
    function maintenance() external view returns (uint256[2] memory u, uint256[2] memory v);

    /// @notice The latest round; `number` is 0 before the first.
    function round() external view returns (uint256 number, uint256 timestamp, uint64[7] memory prices);

    /// @return number That of the latest round. @return time Its time. Both are 0 before the first.
    function stamp() external view returns (uint64 number, uint40 time);

    /// @return The number of the latest round; 0 before the first.
    function roundNumber() external view returns (uint256);

    /// @notice Whether there is a round and the latest is younger than `maxAge`: only then are its marks used.
    function fresh() external view returns (bool);

    /// @notice `roundNumber` and `fresh` in one.
    function latest() external view returns (uint256 number, bool isFresh);

    /// @notice The prices that a round posted now would have, of assets 1 to 7; reverts where none can be posted
    /// because the chain's sequencer is down.
    function readPrices() external view returns (uint64[7] memory prices);

    /// @notice The clock of deposits' deadlines, in seconds. It runs while the latest round is fresh and stands still
    /// after that. The next round adds what half of the time since the last one exceeds that by.
    function liveTime() external view returns (uint256);

    /// @notice The clock of forced requests: `liveTime`, but that it stands while an asset is held, for `patience` in
    /// one hold and in any 30 days at most.
    function forcedTime() external view returns (uint256);

    /// @notice Whether that clock stands: there is no discharge then.
    function forcedStands() external view returns (bool);

    /// @return Seconds that it may yet stand for.
    function forcedSlack() external view returns (uint256);

    function tipShare() external view returns (uint256);

    function maxAge() external view returns (uint256);

    function config() external view returns (Config memory);

    /// @return Assets besides cash.
    function assetCount() external view returns (uint256);

    /// @return Internal decimals of assets 0 to `assetCount`.
    function decimals(uint256 asset) external view returns (uint8);

    function settlement() external view returns (address);

    function market() external view returns (address);

    function governance() external view returns (address);

    /// @return That of the oracles, the first of those contracts of a system whose events matter.
    function deployedAt() external view returns (uint256);
}
