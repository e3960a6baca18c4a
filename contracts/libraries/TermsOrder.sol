// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What the admin may change of a deployment: clocks in seconds, fees in the chain's coin, caps of custody.
struct Terms {
    uint32 provingTime;
    uint32 roundMin;
    uint32 roundShort;
    uint32 maxAge;
    uint32 parameterDelay;
    uint32 depositDelay;
    uint32 depositSpacing;
    uint32 forcedDelay;
    uint32 forcedSpacing;
    uint32 expirySlack;
    uint32 grace;
    uint32 noticePeriod;
    uint96 openingFee;
    uint96 forcedFee;
    /// Of assets 0 to 7; 0 for one without a token.
    uint64[8] caps;
}

/// @title The order of the clocks, and how far the admin may go.
library TermsOrder {
    /// @dev `grace`, the notice period, and what a deadline may be.
    uint256 internal constant WEEK = 7 days;
    uint256 internal constant SPACING_MAX = 1 hours;
    uint256 internal constant SLACK_MAX = 90 days;
    /// @dev The least `grace` and notice that a change may lead to: time to see a stall and to end it.
    uint256 internal constant HOUR = 1 hours;
    /// @dev The greatest age of a round that a change may lead to, where it is not what it was: who trades and
    /// withdraws at marks that the market has left behind takes others' money.
    uint256 internal constant AGE_MAX = 2 hours;
    uint256 internal constant CAP_MAX = 1 << 63;
    /// @dev A fee is at most this many times that of the deployment.
    uint256 internal constant FEE_FACTOR = 10;

    /// @return What is out of order; empty where nothing is.
    function fault(Terms memory t) internal pure returns (string memory) {
        if (t.provingTime >= t.roundMin) return "provingTime";
        if (t.roundShort >= t.roundMin) return "roundShort";
        if (t.roundMin >= t.maxAge) return "roundMin";
        return deadlineFault(t);
    }

    function deadlineFault(Terms memory t) private pure returns (string memory) {
        if (t.depositDelay <= 2 * uint256(t.maxAge)) return "depositDelay";
        if (t.forcedDelay <= 2 * uint256(t.maxAge)) return "forcedDelay";
        return escapeFault(t);
    }

    function escapeFault(Terms memory t) private pure returns (string memory) {
        if (t.grace <= t.maxAge || t.grace > WEEK) return "grace";
        if (t.noticePeriod < 4 || t.noticePeriod > WEEK) return "noticePeriod";
        if (t.expirySlack < uint256(t.grace) + t.noticePeriod) return "expirySlack";
        // Who does not want new parameters has to be out by force before they apply, or by the escape where that fails.
        if (t.parameterDelay <= uint256(t.forcedDelay) + t.noticePeriod + t.grace) return "parameterDelay";
        return "";
    }

    /// @param openingFee, forcedFee Those of the deployment.
    /// @return What a change from `from` may not lead to; empty where it may.
    function beyond(uint256 openingFee, uint256 forcedFee, Terms memory from, Terms memory to)
        internal
        pure
        returns (string memory)
    {
        if (to.maxAge > AGE_MAX && to.maxAge > from.maxAge) return "maxAge";
        if (to.openingFee > FEE_FACTOR * openingFee) return "openingFee";
        if (to.forcedFee > FEE_FACTOR * forcedFee) return "forcedFee";
        for (uint256 a = 0; a < 8; ++a) {
            if ((to.caps[a] == 0) != (from.caps[a] == 0) || to.caps[a] > CAP_MAX) return "caps";
        }
        if (to.grace < HOUR) return "grace";
        if (to.noticePeriod < HOUR) return "noticePeriod";
        return beyondClocks(to);
    }

    function beyondClocks(Terms memory to) private pure returns (string memory) {
        if (to.depositDelay > WEEK) return "depositDelay";
        if (to.forcedDelay > WEEK) return "forcedDelay";
        if (to.depositSpacing > SPACING_MAX) return "depositSpacing";
        if (to.forcedSpacing > SPACING_MAX) return "forcedSpacing";
        if (to.expirySlack > SLACK_MAX) return "expirySlack";
        if (to.parameterDelay > SLACK_MAX) return "parameterDelay";
        return "";
    }
}
