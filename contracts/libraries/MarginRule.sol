// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Marks} from "./Marks.sol";
import {RiskParameters} from "./RiskParameters.sol";

/// @title The initial margin that follows the market: three moving averages of squared moves, a quantile of them, a
/// gap.
/// @notice Equal to protocol/margin-rule.ts to the last bit. `Q48` numbers are times 2^48; factors and gaps in 1/10^4.
library MarginRule {
    /// @notice What the rule says at a round.
    /// @param state The word to keep. @param storedGap The gap to keep, at most 40 points.
    struct Reading {
        uint256 s2;
        uint256 s5;
        uint256 s8;
        uint256 quantile;
        uint256 gap;
        uint256 state;
        uint256 storedGap;
    }

    /// @notice Seconds of the sampling clock.
    uint256 internal constant GRID_SECONDS = 900;

    uint256 private constant ONE = 1 << 48;
    uint256 private constant VARIANCE_MOST = (1 << 56) - 1;
    uint256 private constant STEPS_MOST = (1 << 15) - 1;
    uint256 private constant STEPS_AN_HOUR = 4;
    uint256 private constant DECAY_2 = 261941981042586;
    uint256 private constant DECAY_5 = 279249703554185;
    uint256 private constant DECAY_8 = 281199695230552;
    uint256 private constant VARIANCE_START = 16834000000;
    uint256 private constant C0 = 615590000000;
    uint256 private constant C1 = 8233;
    uint256 private constant C2 = 7088;
    uint256 private constant C3 = 894;
    uint256 private constant QUANTILE_MEDIAN = 21758015699733;
    uint256 internal constant POINT = 100;
    uint256 internal constant GAP_MOST = 4_000;
    uint256 private constant GAP_FALL = 300;
    /// @dev Six hours, which the quantile is for.
    uint256 private constant WIDENED_SECONDS = 21_600;
    uint256 private constant FACTOR_MOST = type(uint16).max;

    /// @dev The word: s2, s5, s8 (56 bits each), price (60), number of the grid step (28), from the highest.
    uint256 private constant S2 = 200;
    uint256 private constant S5 = 144;
    uint256 private constant S8 = 88;
    uint256 private constant PRICE = 28;

    /// @notice The first reading: every average at its start, the gap at `g`.
    /// @param price Mark of the first valid price, below 2^60.
    function start(uint256 price, uint256 time, uint256 g) internal pure returns (Reading memory r) {
        r.s2 = r.s5 = r.s8 = VARIANCE_START;
        r.quantile = _quantileDown(VARIANCE_START, VARIANCE_START, VARIANCE_START);
        r.gap = r.storedGap = g;
        r.state = _pack(r, price < Marks.PRICE_MIN ? Marks.PRICE_MIN : price, time / GRID_SECONDS);
    }

    /// @notice The reading of a later round; within the grid step of the last sample as if the step ended now, nothing
    /// stored.
    /// @param state As `start` or `step` gave it. @param gap `storedGap` of the last reading.
    /// @param price Mark, below 2^60. @param time Not before the last sample's.
    function step(uint256 state, uint256 gap, uint256 price, uint256 time, uint256 g)
        internal
        pure
        returns (Reading memory r)
    {
        uint256 number = time / GRID_SECONDS;
        uint256 passed = number - (state & ((1 << PRICE) - 1));
        if (price < Marks.PRICE_MIN) price = Marks.PRICE_MIN;
        {
            uint256 k = passed == 0 ? 1 : passed > STEPS_MOST ? STEPS_MOST : passed;
            uint256 sample = _sample((state >> PRICE) & ((1 << 60) - 1), price, k);
            (uint256 k2, uint256 k5, uint256 k8) = _keptDown(k);
            r.s2 = _averageDown(state >> S2, sample, k2);
            r.s5 = _averageDown((state >> S5) & VARIANCE_MOST, sample, k5);
            r.s8 = _averageDown((state >> S8) & VARIANCE_MOST, sample, k8);
        }
        r.quantile = _quantileDown(r.s2, r.s5, r.s8);
        uint256 raw = _rawGapUp(r.quantile, g);
        if (passed == 0) {
            r.gap = raw > gap ? raw : gap;
            (r.state, r.storedGap) = (state, gap);
        } else {
            r.gap = r.storedGap = raw > gap || raw + GAP_FALL <= gap ? raw : gap;
            r.state = _pack(r, price, number);
        }
    }

    /// @notice Initial factors of a gap, neither easier than the target's.
    function initialFactors(
        uint256 gap,
        uint256 collateralFactor,
        uint256 liabilityFactor,
        uint256 targetCollateralFactor,
        uint256 targetLiabilityFactor
    ) internal pure returns (uint256 initialCollateralFactor, uint256 initialLiabilityFactor) {
        initialCollateralFactor =
            Math.min(targetCollateralFactor, collateralFactor > gap ? collateralFactor - gap : 0);
        uint256 raised = Math.ceilDiv(liabilityFactor * RiskParameters.ONE, RiskParameters.ONE - gap);
        initialLiabilityFactor = Math.min(FACTOR_MOST, Math.max(targetLiabilityFactor, raised));
    }

    /// @notice The quantile of a stored state; its median where none is stored.
    function quantileOf(uint256 state) internal pure returns (uint256) {
        if (state == 0) return QUANTILE_MEDIAN;
        return _quantileDown(state >> S2, (state >> S5) & VARIANCE_MOST, (state >> S8) & VARIANCE_MOST);
    }

    /// @notice The averages of a day in a stored state; where every average starts if none is stored.
    function varianceOf(uint256 state) internal pure returns (uint256) {
        return state == 0 ? VARIANCE_START : (state >> S5) & VARIANCE_MOST;
    }

    /// @notice `depth` times the median of the quantile over the quantile, where that is above it.
    function calmDown(uint256 depth, uint256 quantile) internal pure returns (uint256) {
        return quantile <= QUANTILE_MEDIAN ? depth : depth * QUANTILE_MEDIAN / quantile;
    }

    /// @notice The maintenance margin that the slow average asks for, in 1/10^4. @param scale In 1/10^4.
    function slowMarginDown(uint256 state, uint256 scale) internal pure returns (uint256) {
        uint256 slow = Math.sqrt((C0 + (C3 * ((state >> S8) & VARIANCE_MOST) >> 8)) << 48);
        return scale * slow >> 48;
    }

    /// @notice Points by which the marks of a held asset are widened, `t` seconds after patience with it ended: at most
    /// one an hour, 99 in all.
    function widenedDown(uint256 quantile, uint256 t) internal pure returns (uint256) {
        uint256 points = Math.sqrt(10_000 * quantile * quantile * t / WIDENED_SECONDS) >> 48;
        return Math.min(Math.min(points, t / 3600), 99);
    }

    /// @dev The squared move since the last sample, scaled to an hour. The move is below 2^92, so nothing overflows.
    function _sample(uint256 last, uint256 price, uint256 k) private pure returns (uint256) {
        uint256 move = ((price > last ? price - last : last - price) << 48) / last;
        return Math.min((move * move >> 48) * STEPS_AN_HOUR / k, VARIANCE_MOST);
    }

    /// @dev What the averages keep over k steps: their decays to the power k, rounded down at each product. The numbers
    /// are the decays squared time and again, each rounded down.
    function _keptDown(uint256 k) private pure returns (uint256 k2, uint256 k5, uint256 k8) {
        unchecked {
            (k2, k5, k8) = k & 1 == 0 ? (ONE, ONE, ONE) : (DECAY_2, DECAY_5, DECAY_8);
            if (k & 0x2 != 0) {
                (k2, k5, k8) = (k2 * 243764480361059 >> 48, k5 * 277042022869623 >> 48, k8 * 280924682974711 >> 48);
            }
            if (k & 0x4 != 0) {
                (k2, k5, k8) = (k2 * 211106232532987 >> 48, k5 * 272678883688444 >> 48, k8 * 280375465082876 >> 48);
            }
            if (k & 0x8 != 0) {
                (k2, k5, k8) = (k2 * 158329674399736 >> 48, k5 * 264157668573176 >> 48, k8 * 279280248422392 >> 48);
            }
            if (k & 0x10 != 0) {
                (k2, k5, k8) = (k2 * 89060441849847 >> 48, k5 * 247905780760560 >> 48, k8 * 277102632959984 >> 48);
            }
            if (k < 0x20) return (k2, k5, k8);
            if (k & 0x20 != 0) {
                (k2, k5, k8) = (k2 * 28179280429050 >> 48, k5 * 218340105584867 >> 48, k8 * 272798207821820 >> 48);
            }
            if (k & 0x40 != 0) {
                (k2, k5, k8) = (k2 * 2821109907454 >> 48, k5 * 169366393645059 >> 48, k8 * 264388909666013 >> 48);
            }
            if (k & 0x80 != 0) {
                (k2, k5, k8) = (k2 * 28274844190 >> 48, k5 * 101909504111336 >> 48, k8 * 248339999424669 >> 48);
            }
            if (k & 0x100 != 0) {
                (k2, k5, k8) = (k2 * 2840276 >> 48, k5 * 36896874988977 >> 48, k8 * 219105641414233 >> 48);
            }
            if (k & 0x200 != 0) {
                (k2, k5, k8) = (0, k5 * 4836591159403 >> 48, k8 * 170556127797078 >> 48);
            }
            if (k & 0x400 != 0) {
                (k2, k5, k8) = (0, k5 * 83107259894 >> 48, k8 * 103346283456791 >> 48);
            }
            if (k & 0x800 != 0) {
                (k2, k5, k8) = (0, k5 * 24537941 >> 48, k8 * 37944596102801 >> 48);
            }
            if (k & 0x1000 != 0) {
                (k2, k5, k8) = (0, k5 * 2 >> 48, k8 * 5115170059627 >> 48);
            }
            if (k & 0x2000 != 0) {
                (k2, k5, k8) = (0, 0, k8 * 92956628133 >> 48);
            }
            if (k & 0x4000 != 0) {
                (k2, k5, k8) = (0, 0, k8 * 30698766 >> 48);
            }
        }
    }

    function _averageDown(uint256 old, uint256 sample, uint256 kept) private pure returns (uint256) {
        unchecked {
            return (old * kept + sample * (ONE - kept)) >> 48;
        }
    }

    function _quantileDown(uint256 s2, uint256 s5, uint256 s8) private pure returns (uint256) {
        return Math.sqrt((C0 + ((C1 * s2 + C2 * s5 + C3 * s8) >> 8)) << 48);
    }

    /// @dev Up to whole points, between a floor that follows `g` and 40 points.
    function _rawGapUp(uint256 quantile, uint256 g) private pure returns (uint256) {
        uint256 asked = Math.ceilDiv(g * quantile, QUANTILE_MEDIAN * POINT) * POINT;
        uint256 floor = Math.ceilDiv(Math.max(8 * POINT, 3 * g), 4 * POINT) * POINT;
        return Math.min(Math.max(asked, floor), GAP_MOST);
    }

    function _pack(Reading memory r, uint256 price, uint256 number) private pure returns (uint256) {
        return r.s2 << S2 | r.s5 << S5 | r.s8 << S8 | price << PRICE | number;
    }
}
