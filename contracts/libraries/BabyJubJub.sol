// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PublicVector} from "./PublicVector.sol";

/// @title Points of the twisted Edwards curve BabyJubJub, 168700 x^2 + y^2 = 1 + 168696 x^2 y^2 over BN254's scalar
/// field.
library BabyJubJub {
    uint256 private constant A = 168700;
    uint256 private constant D = 168696;

    /// @dev Order of the subgroup of prime order; the curve's is eight times that.
    uint256 internal constant L = 2736030358979909402780800718157159386076813972158567259200215660948447373041;

    function isCanonical(uint256 x, uint256 y) internal pure returns (bool) {
        return x < PublicVector.R && y < PublicVector.R;
    }

    /// @param x, y Canonical.
    function isOnCurve(uint256 x, uint256 y) internal pure returns (bool) {
        uint256 r = PublicVector.R;
        uint256 xx = mulmod(x, x, r);
        uint256 yy = mulmod(y, y, r);
        return addmod(mulmod(A, xx, r), yy, r) == addmod(1, mulmod(D, mulmod(xx, yy, r), r), r);
    }

    /// @notice Whether it can be somebody's public key: a canonical point of the curve, not of small order.
    function isKey(uint256 x, uint256 y) internal pure returns (bool) {
        return isCanonical(x, y) && isOnCurve(x, y) && !isSmallOrder(x, y);
    }

    /// @notice Whether eight times the point is the neutral element.
    /// @dev x = 0 are the neutral element and the point of order 2; y = 0 the two of order 4; of the others, those
    /// whose double has y = 0, which is (y^2 - 168700 x^2) over something: the four of order 8.
    /// @param x, y A point of the curve, canonical.
    function isSmallOrder(uint256 x, uint256 y) internal pure returns (bool) {
        uint256 r = PublicVector.R;
        return x == 0 || y == 0 || mulmod(A, mulmod(x, x, r), r) == mulmod(y, y, r);
    }
}
