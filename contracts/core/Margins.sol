// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import {IGovernance} from "../interfaces/IGovernance.sol";
import {IMargins, Rule} from "../interfaces/IMargins.sol";
import {IOracles} from "../interfaces/IOracles.sol";
import {Depths} from "../libraries/Depths.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {MarginRule} from "../libraries/MarginRule.sol";
import {Marks} from "../libraries/Marks.sol";
import {Parameters, RiskParameters} from "../libraries/RiskParameters.sol";

interface ITokenPair {
    function token0() external view returns (address);
    function token1() external view returns (address);
}

/// @title The part of the rounds that turns readings into risk parameters; see `IMargins` for what each function
/// promises.
abstract contract Margins is IMargins {
    using Lanes for uint256[2];

    struct Asset {
        uint8 decimals;
        /// When the pending parameters may be applied; 0: none are pending.
        uint48 readyAt;
        /// Of the last step of the slow lane.
        uint40 announcedAt;
        uint40 depthChangedAt;
        Parameters active;
        Parameters pending;
    }

    /// @dev What of `Rule` is needed at a round, and what follows from it.
    struct Depth {
        address pool;
        uint32 window;
        uint16 poolShare;
        bool token1;
        uint8 tokenDecimals;
        uint64 configured;
        uint64 most;
        bool on;
        uint16 gap;
        uint16 laneScale;
        uint16 laneLeast;
        uint16 laneMost;
    }

    /// @dev One slot for all assets.
    struct Gaps {
        uint16[7] stored;
        /// Points that liquidity asks for.
        uint8[7] liquidity;
        /// Grid step of the latest round.
        uint32 step;
    }

    /// @dev What a round is made with.
    struct Stage {
        Gaps gaps;
        uint64[7] holdings;
        /// Words of the pools, one an asset; 0 where there is none, or it did not say.
        uint256[] pools;
        uint256 held;
        /// Grid steps since the latest round.
        uint256 steps;
        bool tightened;
    }

    uint256 internal constant STEP_LANE = 100;
    uint256 private constant DAY = 1 days;

    /// @dev Seconds for which a held asset's marks stay.
    uint256 internal immutable PATIENCE;
    /// @dev Assets besides cash.
    uint256 internal immutable ASSETS;
    /// @dev Bit a: the rule is on for asset a.
    uint256 internal immutable RULED;

    Asset[8] internal _assets;
    Standing[8] internal _standing;
    Depth[8] private _depths;
    mapping(uint256 asset => uint256) private _states;
    Gaps private _gaps;
    /// @dev At the last checkpoint, of assets 1 to 7.
    uint256[2] internal _holdings;

    modifier knownAsset(uint256 asset) {
        if (asset == 0 || asset > ASSETS) revert UnknownAsset(asset);
        _;
    }

    constructor(uint256 patience, uint256 assets, uint256 ruled_) {
        (PATIENCE, ASSETS, RULED) = (patience, assets, ruled_);
    }

    /// @inheritdoc IMargins
    function proposeParameters(uint256 asset, Parameters calldata proposed) external knownAsset(asset) {
        if (msg.sender != IGovernance(_governance()).admin()) revert NotAdmin();
        if (RULED >> asset & 1 == 1) revert FollowsMarket(asset);
        if (!RiskParameters.ordered(proposed)) revert InvalidParameters(asset);
        // One proposal at a time, so these are still the active ones when it is applied.
        if (!RiskParameters.withinStep(_assets[asset].active, proposed)) revert BeyondStep(asset);
        _propose(asset, proposed);
    }

    /// @inheritdoc IMargins
    function announceMaintenance(uint256 asset) external knownAsset(asset) {
        Depth storage d = _depths[asset];
        Asset storage a = _assets[asset];
        uint256 state = _states[asset];
        if (d.laneScale == 0 || state == 0) revert NoLane(asset);
        if (a.readyAt != 0 || block.timestamp < a.announcedAt + DAY) revert AnnouncedBefore(asset);
        uint256 aim = MarginRule.slowMarginDown(state, d.laneScale);
        aim = aim < d.laneLeast ? d.laneLeast : aim > d.laneMost ? d.laneMost : aim;
        Parameters memory p = a.active;
        uint256 present = RiskParameters.ONE - p.collateralFactor;
        if (aim < present + 2 * STEP_LANE && present < aim + 2 * STEP_LANE) revert NearEnough(present, aim);
        uint16 step = uint16(STEP_LANE);
        if (aim > present) {
            (p.collateralFactor, p.liabilityFactor) = (p.collateralFactor - step, p.liabilityFactor + step);
            p.targetCollateralFactor = p.targetCollateralFactor > step ? p.targetCollateralFactor - step : 0;
            p.targetLiabilityFactor += step;
        } else {
            (p.collateralFactor, p.liabilityFactor) = (p.collateralFactor + step, p.liabilityFactor - step);
            p.targetCollateralFactor += step;
            p.targetLiabilityFactor -= step;
        }
        // The round that applies it says what these are.
        (p.initialCollateralFactor, p.initialLiabilityFactor) = (p.targetCollateralFactor, p.targetLiabilityFactor);
        if (!RiskParameters.ordered(p)) revert InvalidParameters(asset);
        a.announcedAt = uint40(block.timestamp);
        _propose(asset, p);
    }

    /// @inheritdoc IMargins
    function parameters(uint256 asset) external view knownAsset(asset) returns (Parameters memory) {
        return _assets[asset].active;
    }

    /// @inheritdoc IMargins
    function pendingParameters(uint256 asset)
        external
        view
        knownAsset(asset)
        returns (Parameters memory proposed, uint256 readyAt)
    {
        return (_assets[asset].pending, _assets[asset].readyAt);
    }

    /// @inheritdoc IMargins
    function rule(uint256 asset) external view knownAsset(asset) returns (Rule memory) {
        Depth memory d = _depths[asset];
        return Rule(
            d.on, d.gap, d.laneScale, d.laneLeast, d.laneMost, d.pool, d.window, d.poolShare, d.most
        );
    }

    /// @inheritdoc IMargins
    function ruled() external view returns (bool) {
        return RULED != 0;
    }

    /// @inheritdoc IMargins
    function standing(uint256 asset) external view knownAsset(asset) returns (Standing memory) {
        return _standing[asset];
    }

    /// @inheritdoc IMargins
    function margin(uint256 asset) external view knownAsset(asset) returns (Margin memory m) {
        m.state = _states[asset];
        m.quantile = MarginRule.quantileOf(m.state);
        m.gap = _gaps.stored[asset - 1];
        m.liquidityGap = _gaps.liquidity[asset - 1] * MarginRule.POINT;
        m.holdings = _holdings.unpack()[asset - 1];
        m.depthChangedAt = _assets[asset].depthChangedAt;
    }

    /// @dev The governance contract, and the delay of parameters.
    function _governance() internal view virtual returns (address);
    function _parameterDelay() internal view virtual returns (uint256);

    function _addAsset(uint256 number, uint8 decimals, Parameters memory p, Rule memory r) internal {
        if (!RiskParameters.ordered(p)) revert InvalidParameters(number);
        Asset storage asset = _assets[number];
        asset.decimals = decimals;
        asset.active = p;
        emit ParametersApplied(number, p);
        if (!r.on) {
            Rule memory none;
            if (keccak256(abi.encode(r)) != keccak256(abi.encode(none))) revert InvalidConfig("rule");
            return;
        }
        if (r.gap == 0 || r.gap > MarginRule.GAP_MOST) revert InvalidConfig("gap");
        if (r.laneScale != 0) {
            if (r.laneLeast < p.penalty || r.laneLeast > r.laneMost || r.laneMost >= RiskParameters.ONE) {
                revert InvalidConfig("lane");
            }
        } else if (r.laneLeast != 0 || r.laneMost != 0) {
            revert InvalidConfig("lane");
        }
        Depth storage d = _depths[number];
        (d.on, d.gap, d.configured) = (true, r.gap, p.depth);
        (d.laneScale, d.laneLeast, d.laneMost) = (r.laneScale, r.laneLeast, r.laneMost);
        (d.pool, d.window, d.poolShare, d.most) = (r.pool, r.window, r.poolShare, r.depthMost);
        if (r.pool == address(0)) {
            if (r.window != 0 || r.poolShare != 0 || r.depthMost != 0) revert InvalidConfig("pool");
        } else if (
            r.window == 0 || r.poolShare == 0 || r.depthMost > RiskParameters.DEPTH_MAX || p.depth == 0
                || r.depthMost < Depths.leastUp(p.depth) || Depths.read(r.pool, r.window) == 0
        ) {
            revert InvalidPool(number);
        }
    }

    /// @dev Which of the pool's tokens the asset is, once custody has said so.
    /// @param token Of the asset; 0: a synthetic, whose pool is that of no token.
    function _bindPool(uint256 number, address token) internal {
        Depth storage d = _depths[number];
        if (!d.on) return;
        if (d.pool != address(0)) {
            if (token == address(0)) revert InvalidPool(number);
            d.token1 = ITokenPair(d.pool).token1() == token;
            if (!d.token1 && ITokenPair(d.pool).token0() != token) revert InvalidPool(number);
            d.tokenDecimals = IERC20Metadata(token).decimals();
        }
        Rule memory r = Rule(
            true, d.gap, d.laneScale, d.laneLeast, d.laneMost, d.pool, d.window, d.poolShare, d.most
        );
        emit RuleSet(number, r, d.token1, d.tokenDecimals);
    }

    /// @dev Steps all assets.
    /// @param previous Time of the latest round; 0: this is the first.
    function _step(IOracles.Reading[7] memory readings, uint256 previous) internal returns (Stage memory s) {
        s.pools = new uint256[](ASSETS);
        if (RULED != 0) {
            s.gaps = _gaps;
            s.holdings = _holdings.unpack();
            uint256 step = block.timestamp / MarginRule.GRID_SECONDS;
            if (previous != 0) s.steps = step - s.gaps.step;
            s.gaps.step = uint32(step);
        }
        for (uint256 i = 0; i < ASSETS; ++i) {
            _stepAsset(i + 1, readings[i], s);
        }
        if (RULED != 0) _gaps = s.gaps;
    }

    /// @dev The marks of one asset at the latest round.
    function _marksOf(uint256 asset) internal view returns (uint64[11] memory m) {
        Standing memory now_ = _standing[asset];
        m = Marks.all(now_.price, now_.low, now_.high, _assets[asset].active);
        if (now_.heldSince != 0) Marks.hold(m, now_.widened);
    }

    function _propose(uint256 asset, Parameters memory proposed) private {
        Asset storage a = _assets[asset];
        uint256 readyAt = block.timestamp + _parameterDelay();
        a.pending = proposed;
        a.readyAt = uint48(readyAt);
        emit ParametersProposed(asset, proposed, readyAt);
    }

    /// @dev Only a round changes active parameters, so that its marks are a function of storage.
    function _stepAsset(uint256 number, IOracles.Reading memory r, Stage memory s) private {
        Asset storage asset = _assets[number];
        Parameters memory from = asset.active;
        Parameters memory p = asset.active;
        bool on = RULED >> number & 1 == 1;
        uint256 readyAt = asset.readyAt;
        if (readyAt != 0 && block.timestamp >= readyAt) {
            Parameters memory applied = asset.pending;
            if (on) {
                (applied.initialCollateralFactor, applied.initialLiabilityFactor) =
                    (from.initialCollateralFactor, from.initialLiabilityFactor);
                applied.depth = from.depth;
            }
            p = applied;
            asset.readyAt = 0;
            delete asset.pending;
            emit ParametersApplied(number, applied);
        }
        uint256 state = on ? _states[number] : 0;
        uint256 widened;
        if (r.heldSince != 0) {
            s.held |= 1 << number;
            uint256 end = r.heldSince + PATIENCE;
            if (block.timestamp > end) {
                widened = MarginRule.widenedDown(MarginRule.quantileOf(state), block.timestamp - end);
            }
        }
        if (on) _follow(number, state, r, p, s);
        _standing[number] = Standing(r.price, r.low, r.high, r.heldSince, uint8(widened));
        if (keccak256(abi.encode(p)) != keccak256(abi.encode(from))) asset.active = p;
        if (
            p.initialCollateralFactor < from.initialCollateralFactor
                || p.initialLiabilityFactor > from.initialLiabilityFactor
        ) s.tightened = true;
    }

    /// @dev Depth and initial factors of an asset whose rule is on; a held one takes no step.
    function _follow(
        uint256 number,
        uint256 state,
        IOracles.Reading memory r,
        Parameters memory p,
        Stage memory s
    ) private {
        uint256 i = number - 1;
        uint256 gap = s.gaps.stored[i];
        if (r.heldSince == 0 && r.price != 0) {
            Depth memory d = _depths[number];
            MarginRule.Reading memory m = state == 0
                ? MarginRule.start(r.price, block.timestamp, d.gap)
                : MarginRule.step(state, gap, r.price, block.timestamp, d.gap);
            if (m.state != state) _states[number] = m.state;
            s.gaps.stored[i] = uint16(m.storedGap);
            gap = m.gap;
            p.depth = uint64(_depth(number, d, m.quantile, p.depth, s));
            uint256 asked = Depths.gapUp(p.collateralFactor, p.penalty, s.holdings[i], p.depth) / MarginRule.POINT;
            uint256 most = s.gaps.liquidity[i] + s.steps;
            if (asked > most) asked = most;
            if (asked > MarginRule.GAP_MOST / MarginRule.POINT) asked = MarginRule.GAP_MOST / MarginRule.POINT;
            s.gaps.liquidity[i] = uint8(asked);
        } else if (state == 0) {
            gap = _depths[number].gap;
        }
        uint256 floor = s.gaps.liquidity[i] * MarginRule.POINT;
        (uint256 c, uint256 l) = MarginRule.initialFactors(
            gap > floor ? gap : floor,
            p.collateralFactor,
            p.liabilityFactor,
            p.targetCollateralFactor,
            p.targetLiabilityFactor
        );
        (p.initialCollateralFactor, p.initialLiabilityFactor) = (uint16(c), uint16(l));
    }

    function _depth(uint256 number, Depth memory d, uint256 quantile, uint256 depth, Stage memory s)
        private
        returns (uint256 next)
    {
        if (d.configured == 0) return 0;
        uint256 aim;
        if (d.pool == address(0)) {
            aim = Depths.wanted(d.configured, MarginRule.calmDown(d.configured, quantile), d.configured);
        } else {
            uint256 word = Depths.read(d.pool, d.window);
            if (word == 0) return depth;
            s.pools[number - 1] = word;
            uint256 units = Depths.ofPoolDown(word, d.token1, d.poolShare, _assets[number].decimals, d.tokenDecimals);
            aim = Depths.wanted(d.configured, units, d.most);
        }
        next = Depths.next(depth, aim, _assets[number].depthChangedAt, block.timestamp);
        if (next != depth) _assets[number].depthChangedAt = uint40(block.timestamp);
    }
}
