// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MarginRule} from "../libraries/MarginRule.sol";

/// @title The rule of initial margin over whole paths, for tests.
contract MarginHarness {
    /// @notice The readings along a path of prices at times. @param state 0: the first row is the start.
    function path(uint256 state, uint256 gap, uint256[] calldata prices, uint256[] calldata times, uint256 g)
        external
        pure
        returns (MarginRule.Reading[] memory readings)
    {
        readings = new MarginRule.Reading[](prices.length);
        for (uint256 i = 0; i < prices.length; ++i) {
            readings[i] = state == 0
                ? MarginRule.start(prices[i], times[i], g)
                : MarginRule.step(state, gap, prices[i], times[i], g);
            (state, gap) = (readings[i].state, readings[i].storedGap);
        }
    }

    function factors(uint256 gap, uint256 c, uint256 l, uint256 tc, uint256 tl)
        external
        pure
        returns (uint256, uint256)
    {
        return MarginRule.initialFactors(gap, c, l, tc, tl);
    }

    /// @notice Gas of one step, its arithmetic alone.
    function gasOf(uint256 state, uint256 gap, uint256 price, uint256 time, uint256 g) external view returns (uint256) {
        uint256 before = gasleft();
        MarginRule.step(state, gap, price, time, g);
        return before - gasleft();
    }
}
