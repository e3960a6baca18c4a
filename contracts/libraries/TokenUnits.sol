// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice How units of a token and of the rollup scale into one another; one of the two is 1.
struct Scale {
    /// Token units of one unit of the rollup; 0: a token unit is several of those.
    uint256 tokenUnitsPerUnit;
    /// Units of the rollup of one token unit; 1 where the token is finer.
    uint256 unitsPerTokenUnit;
}

using TokenUnits for Scale global;

/// @title Amounts in units of a token, and in the rollup's own.
library TokenUnits {
    function scale(uint8 tokenDecimals, uint8 decimals) internal pure returns (Scale memory s) {
        bool finer = tokenDecimals >= decimals;
        s.tokenUnitsPerUnit = finer ? 10 ** (tokenDecimals - decimals) : 0;
        s.unitsPerTokenUnit = finer ? 1 : 10 ** (decimals - tokenDecimals);
    }

    /// @notice Whether the token amount is a whole number of the rollup's units.
    function isWhole(Scale storage s, uint256 tokenAmount) internal view returns (bool) {
        uint256 unit = s.tokenUnitsPerUnit;
        return unit <= 1 || tokenAmount % unit == 0;
    }

    function toUnitsDown(Scale storage s, uint256 tokenAmount) internal view returns (uint256) {
        uint256 unit = s.tokenUnitsPerUnit;
        return unit == 0 ? tokenAmount * s.unitsPerTokenUnit : tokenAmount / unit;
    }

    function toTokenDown(Scale storage s, uint256 amount) internal view returns (uint256) {
        uint256 unit = s.tokenUnitsPerUnit;
        return unit == 0 ? amount / s.unitsPerTokenUnit : amount * unit;
    }

    /// @return paid The amount, down to whole token units.
    /// @return tokenAmount The same in token units.
    function payableDown(Scale storage s, uint64 amount) internal view returns (uint64 paid, uint256 tokenAmount) {
        tokenAmount = toTokenDown(s, amount);
        paid = uint64(amount - amount % s.unitsPerTokenUnit);
    }
}
