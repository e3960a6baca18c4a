// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import {IGovernance} from "../interfaces/IGovernance.sol";
import {IMargins, Rule} from "../interfaces/IMargins.sol";
import {IOracles} from "../interfaces/IOracles.sol";
import {Concentration} from "../libraries/Concentration.sol";
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
        /// As in `Rule`; 0: the rule is off.
        uint16 gap;
        /// The depth of the deployment.
        uint64 configured;
        bool pooled;
        Parameters active;
        Parameters pending;
    }

    /// @dev What of `Rule` not every round needs.
    struct Extras {
        address pool;
        uint32 window;
        uint16 poolShare;
        bool token1;
        uint8 tokenDecimals;
        uint64 most;
        uint16 laneScale;
        uint16 laneLeast;
        uint16 laneMost;
    }

    /// @dev What a round is made with.
    struct Stage {
        /// Gaps of all assets, see `_gaps`.
        uint256 gaps;
        uint256[2] holdings;
        /// Words of the pools, one an asset; 0 where there is none, or it did not say.
        uint256[] pools;
        uint256 held;
        /// Grid steps since the latest round.
        uint256 steps;
        bool tightened;
    }

    uint256 internal constant STEP_LANE = 100;
    uint256 private constant LIQUID_AT = 112;
    uint256 private constant STEP_AT = 168;
    uint256 private constant DAY = 1 days;

    /// @dev Seconds for which a held asset's marks stay.
    uint256 internal immutable PATIENCE;
    /// @dev Assets besides cash.
    uint256 internal immutable ASSETS;
    /// @dev Bit a: the rule is on for asset a.
    uint256 internal immutable RULED;
    /// @dev In 1/10^4; 0: off.
    uint256 internal immutable CONCENTRATION;

    Asset[8] internal _assets;
    Standing[8] internal _standing;
    Extras[8] private _extras;
    mapping(uint256 asset => uint256) private _states;
    /// @dev In one slot: stored gaps of assets 1 to 7 from bit 0 (16 bits each), points that liquidity asks for from
    /// bit 112 (8 each), the grid step of the latest round from bit 168.
    uint256 private _gaps;
    /// @dev At the last checkpoint, of assets 1 to 7.
    uint256[2] internal _holdings;

    modifier knownAsset(uint256 asset) {
        if (asset == 0 || asset > ASSETS) revert UnknownAsset(asset);
        _;
    }

    constructor(uint256 patience, uint256 assets, uint256 ruled_, uint256 concentration) {
        (PATIENCE, ASSETS, RULED, CONCENTRATION) = (patience, assets, ruled_, concentration);
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
        Extras storage d = _extras[asset];
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
        return _ruleOf(asset);
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
        m.gap = _stored(_gaps, asset);
        m.liquidityGap = _liquid(_gaps, asset) * MarginRule.POINT;
        m.holdings = _holdings.unpack()[asset - 1];
        m.depthChangedAt = _assets[asset].depthChangedAt;
    }

    /// @inheritdoc IMargins
    function reading(uint256 asset) external view knownAsset(asset) returns (uint256 s5, uint256 quantile) {
        uint256 state = _states[asset];
        Standing memory s = _standing[asset];
        if (state == 0 || s.sampled || s.heldSince != 0) {
            return (MarginRule.varianceOf(state), MarginRule.quantileOf(state));
        }
        uint256 gap = _stored(_gaps, asset);
        MarginRule.Reading memory m = MarginRule.step(state, gap, s.price, _roundTime(), _assets[asset].gap);
        return (m.s5, m.quantile);
    }

    /// @dev The time of the latest round.
    function _roundTime() internal view virtual returns (uint256);
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
        Extras storage d = _extras[number];
        (asset.gap, asset.configured, asset.pooled) = (r.gap, p.depth, r.pool != address(0));
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
        Extras storage d = _extras[number];
        if (RULED >> number & 1 == 0) return;
        if (d.pool != address(0)) {
            if (token == address(0)) revert InvalidPool(number);
            d.token1 = ITokenPair(d.pool).token1() == token;
            if (!d.token1 && ITokenPair(d.pool).token0() != token) revert InvalidPool(number);
            d.tokenDecimals = IERC20Metadata(token).decimals();
        }
        emit RuleSet(number, _ruleOf(number), d.token1, d.tokenDecimals);
    }

    /// @dev Steps all assets.
    /// @param previous Time of the latest round; 0: this is the first.
    function _step(IOracles.Reading[7] memory readings, uint256 previous) internal returns (Stage memory s) {
        s.pools = new uint256[](ASSETS);
        if (RULED != 0) {
            s.gaps = _gaps;
            s.holdings[0] = _holdings[0];
            if (ASSETS > 4) s.holdings[1] = _holdings[1];
            uint256 step = block.timestamp / MarginRule.GRID_SECONDS;
            if (previous != 0) s.steps = step - (s.gaps >> STEP_AT);
            s.gaps = s.gaps & ((1 << STEP_AT) - 1) | step << STEP_AT;
        }
        for (uint256 i = 0; i < ASSETS; ++i) {
            _stepAsset(i + 1, readings[i], s);
        }
        if (RULED != 0) _gaps = s.gaps;
    }

    /// @dev The marks of one asset at the latest round.
    function _marksOf(uint256 asset) internal view returns (uint64[12] memory m) {
        Standing memory now_ = _standing[asset];
        Parameters memory p = _assets[asset].active;
        m = Marks.all(now_.price, now_.low, now_.high, p);
        Concentration.charge(m, CONCENTRATION, p.depth);
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
        Parameters memory p = asset.active;
        (uint256 c, uint256 l, uint256 depth) = (p.initialCollateralFactor, p.initialLiabilityFactor, p.depth);
        bool on = RULED >> number & 1 == 1;
        uint256 readyAt = asset.readyAt;
        bool due = readyAt != 0 && block.timestamp >= readyAt;
        if (due) {
            p = asset.pending;
            if (on) {
                (p.initialCollateralFactor, p.initialLiabilityFactor, p.depth) = (uint16(c), uint16(l), uint64(depth));
            }
            asset.readyAt = 0;
            delete asset.pending;
            emit ParametersApplied(number, p);
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
        bool sampled = on && _follow(number, state, r, p, s);
        _standing[number] = Standing(r.price, r.low, r.high, r.heldSince, uint8(widened), sampled);
        if (due || p.initialCollateralFactor != c || p.initialLiabilityFactor != l || p.depth != depth) {
            asset.active = p;
        }
        if (
            p.initialCollateralFactor < c || p.initialLiabilityFactor > l
                || (CONCENTRATION != 0 && p.depth < depth)
        ) s.tightened = true;
    }

    /// @dev Depth and initial factors of an asset whose rule is on; a held one takes no step.
    /// @return sampled Whether there is a new state.
    function _follow(
        uint256 number,
        uint256 state,
        IOracles.Reading memory r,
        Parameters memory p,
        Stage memory s
    ) private returns (bool sampled) {
        Asset storage asset = _assets[number];
        uint256 gap = _stored(s.gaps, number);
        if (r.heldSince == 0 && r.price != 0) {
            MarginRule.Reading memory m = state == 0
                ? MarginRule.start(r.price, block.timestamp, asset.gap)
                : MarginRule.step(state, gap, r.price, block.timestamp, asset.gap);
            sampled = m.state != state;
            if (sampled) _states[number] = m.state;
            gap = m.gap;
            p.depth = uint64(_depth(number, asset, m.quantile, p.depth, s));
            uint256 held = s.holdings[(number - 1) / 4] >> 64 * ((number - 1) % 4) & type(uint64).max;
            uint256 asked = Depths.gapUp(p.collateralFactor, p.penalty, held, p.depth) / MarginRule.POINT;
            uint256 most = _liquid(s.gaps, number) + s.steps;
            if (asked > most) asked = most;
            if (asked > MarginRule.GAP_MOST / MarginRule.POINT) asked = MarginRule.GAP_MOST / MarginRule.POINT;
            s.gaps = _withGaps(s.gaps, number, m.storedGap, asked);
        } else if (state == 0) {
            gap = asset.gap;
        }
        uint256 floor = _liquid(s.gaps, number) * MarginRule.POINT;
        (uint256 c, uint256 l) = MarginRule.initialFactors(
            gap > floor ? gap : floor,
            p.collateralFactor,
            p.liabilityFactor,
            p.targetCollateralFactor,
            p.targetLiabilityFactor
        );
        (p.initialCollateralFactor, p.initialLiabilityFactor) = (uint16(c), uint16(l));
    }

    function _depth(uint256 number, Asset storage asset, uint256 quantile, uint256 depth, Stage memory s)
        private
        returns (uint256 next)
    {
        uint256 configured = asset.configured;
        if (configured == 0) return 0;
        uint256 aim;
        if (!asset.pooled) {
            aim = Depths.wanted(configured, MarginRule.calmDown(configured, quantile), configured);
        } else {
            Extras memory d = _extras[number];
            uint256 word = Depths.read(d.pool, d.window);
            if (word == 0) return depth;
            s.pools[number - 1] = word;
            uint256 units = Depths.ofPoolDown(word, d.token1, d.poolShare, asset.decimals, d.tokenDecimals);
            aim = Depths.wanted(configured, units, d.most);
        }
        next = Depths.next(depth, aim, asset.depthChangedAt, block.timestamp);
        if (next != depth) asset.depthChangedAt = uint40(block.timestamp);
    }

    function _ruleOf(uint256 asset) private view returns (Rule memory) {
        Extras memory d = _extras[asset];
        return Rule({
            on: RULED >> asset & 1 == 1,
            gap: _assets[asset].gap,
            laneScale: d.laneScale,
            laneLeast: d.laneLeast,
            laneMost: d.laneMost,
            pool: d.pool,
            window: d.window,
            poolShare: d.poolShare,
            depthMost: d.most
        });
    }

    function _stored(uint256 gaps, uint256 asset) private pure returns (uint256) {
        return gaps >> 16 * (asset - 1) & type(uint16).max;
    }

    function _liquid(uint256 gaps, uint256 asset) private pure returns (uint256) {
        return gaps >> LIQUID_AT + 8 * (asset - 1) & type(uint8).max;
    }

    function _withGaps(uint256 gaps, uint256 asset, uint256 stored, uint256 liquid) private pure returns (uint256) {
        (uint256 at, uint256 liquidAt) = (16 * (asset - 1), LIQUID_AT + 8 * (asset - 1));
        uint256 kept = gaps & ~(uint256(type(uint16).max) << at | uint256(type(uint8).max) << liquidAt);
        return kept | stored << at | liquid << liquidAt;
    }
}
