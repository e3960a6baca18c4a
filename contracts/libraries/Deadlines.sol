// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Deadlines of a queue that is served in order and at a bounded rate.
library Deadlines {
    /// @param last Of the entry before, 0 for none.
    /// @param delay Between an entry and its deadline, at least.
    /// @param spacing Between two deadlines, at least.
    /// @param now_ Live time.
    ///
    /// @return The deadline of an entry made now, in live time.
    function next(uint256 last, uint256 delay, uint256 spacing, uint256 now_) internal pure returns (uint40) {
        uint256 due = now_ + delay;
        uint256 spaced = last + spacing;
        return uint40(spaced > due ? spaced : due);
    }
}
