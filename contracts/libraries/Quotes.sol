// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOracles} from "../interfaces/IOracles.sol";
import {Marks} from "./Marks.sol";

/// @title From the answers of an asset's sources to one quote with an interval.
/// @notice Pure; `protocol/oracle.ts` is the same in TypeScript.
library Quotes {
    uint256 internal constant MOST = 4;
    uint256 internal constant ONE = 10_000;
    uint256 private constant SCALE = 1 << 32;

    /// @dev Of `Asset.flags`.
    uint256 internal constant JUMP_UP = 8;

    /// @notice What is remembered of an asset, and its configuration, in one slot.
    struct Asset {
        uint64 price;
        uint64 quote;
        uint40 heldSince;
        uint40 jumpSince;
        uint16 jump;
        uint24 confirm;
        /// Number of sources (3 bits), whether the jump that waits is a rise (1), internal decimals (4).
        uint8 flags;
    }

    /// @notice What sources say, one place each, in their order.
    struct Answers {
        uint256 count;
        /// In [1, 2^60) where the fault is `None`.
        uint256[MOST] quotes;
        uint256[MOST] confidences;
        uint256[MOST] times;
        IOracles.Fault[MOST] faults;
        uint256[MOST] deviations;
        bool[MOST] timeWeighted;
    }

    /// @notice What is made of the answers.
    struct Quote {
        /// 0: none passed.
        uint256 price;
        uint256 low;
        uint256 high;
        /// Those in it that are not time-weighted.
        uint256 counted;
    }

    /// @notice The quote of a cash without sources: a unit is worth a unit.
    function par() internal pure returns (Quote memory) {
        return Quote(SCALE, SCALE, SCALE, 0);
    }

    /// @notice Puts what is in range of an answer (price, confidence, time, decimals) into `said`: the quote rounded
    /// down, but to 1 at least, the confidence rounded up.
    /// @return What is wrong with it.
    function take(
        Answers memory said,
        uint256 i,
        IOracles.Source memory source,
        uint256 decimals,
        uint256 cashDecimals,
        uint256[5] memory answer,
        uint256 time
    ) internal pure returns (IOracles.Fault) {
        uint256 priced = answer[2];
        said.times[i] = priced;
        if (answer[3] != source.decimals) return IOracles.Fault.DecimalsChanged;
        if (answer[0] == 0) return IOracles.Fault.NotPositive;
        uint256 quote = Marks.priceDown(answer[0], source.decimals, decimals, cashDecimals);
        if (quote >= Marks.PRICE_END) return IOracles.Fault.TooHigh;
        if (quote == 0) quote = 1;
        uint256 confidence = confidenceUp(answer[1], source.decimals, decimals, cashDecimals);
        (said.quotes[i], said.confidences[i]) = (quote, confidence);
        if (priced > time) return IOracles.Fault.FromFuture;
        if (time - priced > source.heartbeat) return IOracles.Fault.Stale;
        return confidence * ONE > source.maxConfidence * quote ? IOracles.Fault.Uncertain : IOracles.Fault.None;
    }

    /// @notice Steps what is remembered of an asset other than cash.
    /// @param q Turned into a price in cash, where the asset has one.
    /// @return reading Of this round. @return jumping The quote that waits for confirmation; 0: none does.
    function step(Asset memory s, Quote memory q, uint256 sources, Quote memory cash, bool cashHeld, uint256 time)
        internal
        pure
        returns (IOracles.Reading memory reading, uint256 jumping)
    {
        bool valid;
        (valid, jumping) = _accept(s, q, sources, time);
        // Whatever the asset's sources say, it has no price in a cash without one.
        valid = valid && !cashHeld && inCash(q, cash);
        _hold(s, !valid, time);
        if (!valid) return (IOracles.Reading(s.price, s.price, s.price, s.heldSince), jumping);
        s.price = uint64(q.price);
        return (IOracles.Reading(s.price, uint64(q.low), uint64(q.high), 0), jumping);
    }

    /// @notice Steps what is remembered of cash. @return jumping As in `step`.
    function stepCash(Asset memory s, Quote memory q, uint256 sources, uint256 time)
        internal
        pure
        returns (uint256 jumping)
    {
        bool valid;
        (valid, jumping) = _accept(s, q, sources, time);
        if (valid) s.price = s.quote;
        _hold(s, !valid, time);
    }

    /// @notice The median of those that are within their own deviation of the median of all that passed. The others get
    /// the fault `Deviates` in `a`.
    function combine(Answers memory a) internal pure returns (Quote memory q) {
        uint256 m = medianDown(a);
        if (m == 0) return q;
        q.low = type(uint256).max;
        for (uint256 i = 0; i < a.count; ++i) {
            if (a.faults[i] != IOracles.Fault.None) continue;
            uint256 p = a.quotes[i];
            if ((p > m ? p - m : m - p) * ONE > a.deviations[i] * m) {
                a.faults[i] = IOracles.Fault.Deviates;
                continue;
            }
            if (!a.timeWeighted[i]) ++q.counted;
            uint256 confidence = a.confidences[i];
            uint256 least = p > confidence ? p - confidence : 1;
            if (least < q.low) q.low = least;
            if (p + confidence > q.high) q.high = p + confidence;
        }
        q.price = medianDown(a);
    }

    /// @notice Turns quotes of an asset into prices in cash: the price and `low` rounded down, `high` rounded up.
    /// @return Whether the price is below 2^60; it is 1 at least.
    function inCash(Quote memory q, Quote memory cash) internal pure returns (bool) {
        uint256 price = q.price * SCALE / cash.price;
        if (price >= Marks.PRICE_END) return false;
        uint256 low = q.low * SCALE / cash.high;
        uint256 high = (q.high * SCALE + cash.low - 1) / cash.low;
        q.price = price == 0 ? 1 : price;
        q.low = low == 0 ? 1 : low;
        q.high = high < Marks.PRICE_END ? high : Marks.PRICE_END - 1;
        return true;
    }

    /// @notice A confidence on the scale of quotes, rounded up; 2^64 - 1 when it is that or more.
    /// @dev Needs the same of decimals as `Marks.priceDown`.
    function confidenceUp(uint256 confidence, uint256 sourceDecimals, uint256 assetDecimals, uint256 cashDecimals)
        internal
        pure
        returns (uint256 scaled)
    {
        if (confidence >= Marks.ANSWER_END) return type(uint64).max;
        uint256 divisor = 10 ** (sourceDecimals + assetDecimals);
        scaled = ((confidence * 10 ** cashDecimals << 32) + divisor - 1) / divisor;
        if (scaled > type(uint64).max) scaled = type(uint64).max;
    }

    /// @return m The median quote of those without a fault, of an even number the floor of the mean of the middle two;
    /// 0: there is none.
    function medianDown(Answers memory a) internal pure returns (uint256 m) {
        uint256[MOST] memory sorted;
        uint256 n = 0;
        for (uint256 i = 0; i < a.count; ++i) {
            if (a.faults[i] != IOracles.Fault.None) continue;
            uint256 place = n++;
            uint256 quote = a.quotes[i];
            for (; place > 0 && sorted[place - 1] > quote; --place) {
                sorted[place] = sorted[place - 1];
            }
            sorted[place] = quote;
        }
        if (n == 0) return 0;
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    /// @return The least number of sources, not counting time-weighted ones, that make a quote.
    function quorum(uint256 sources) internal pure returns (uint256) {
        return sources == 1 ? 1 : 2;
    }

    /// @return valid Whether the quote is the asset's from now on.
    function _accept(Asset memory s, Quote memory q, uint256 sources, uint256 time)
        private
        pure
        returns (bool valid, uint256 jumping)
    {
        if (q.counted < quorum(sources)) return (false, 0);
        if (_waits(s, q, time)) return (false, q.price);
        s.quote = uint64(q.price);
        return (true, 0);
    }

    /// @dev Whether a quote has to be confirmed first; steps what is remembered of that.
    function _waits(Asset memory s, Quote memory q, uint256 time) private pure returns (bool) {
        uint256 last = s.quote;
        bool up = q.price > last;
        uint256 move = up ? q.price - last : last - q.price;
        bool beyond = last != 0 && s.jump != 0 && move * ONE > s.jump * last;
        bool before = s.jumpSince != 0 && (s.flags & JUMP_UP != 0) == up;
        if (!beyond || q.counted > 1 || (before && time - s.jumpSince >= s.confirm)) {
            s.jumpSince = 0;
            return false;
        }
        if (!before) {
            s.jumpSince = uint40(time);
            s.flags = uint8(up ? s.flags | JUMP_UP : s.flags & ~JUMP_UP);
        }
        return true;
    }

    function _hold(Asset memory s, bool held, uint256 time) private pure {
        if (!held) s.heldSince = 0;
        else if (s.heldSince == 0) s.heldSince = uint40(time);
    }
}
