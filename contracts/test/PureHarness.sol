// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BabyJubJub} from "../libraries/BabyJubJub.sol";
import {Concentration} from "../libraries/Concentration.sol";
import {Lanes} from "../libraries/Lanes.sol";
import {Marks} from "../libraries/Marks.sol";
import {PublicVector} from "../libraries/PublicVector.sol";
import {Parameters, RiskParameters} from "../libraries/RiskParameters.sol";

/// @title The pure libraries behind external functions, for tests.
contract PureHarness {
    function priceDown(uint256 answer, uint256 feedDecimals, uint256 assetDecimals, uint256 cashDecimals)
        external
        pure
        returns (uint256)
    {
        return Marks.priceDown(answer, feedDecimals, assetDecimals, cashDecimals);
    }

    function all(uint256 price, uint256 low, uint256 high, Parameters calldata p)
        external
        pure
        returns (uint64[12] memory)
    {
        return Marks.all(price, low, high, p);
    }

    function concentrated(uint64[12] memory m, uint256 factor, uint256 depth)
        external
        pure
        returns (uint64[12] memory)
    {
        Concentration.charge(m, factor, depth);
        return m;
    }

    function maintenance(uint256 price, Parameters calldata p) external pure returns (uint64 u, uint64 v) {
        return Marks.maintenance(price, p);
    }

    function ordered(Parameters calldata p) external pure returns (bool) {
        return RiskParameters.ordered(p);
    }

    function withinStep(Parameters calldata from, Parameters calldata to) external pure returns (bool) {
        return RiskParameters.withinStep(from, to);
    }

    function evaluate(uint256[] calldata d, uint256 extra) external pure returns (uint256 z, uint256 y) {
        return PublicVector.evaluate(d, extra);
    }

    function packed(uint64[7] calldata values) external pure returns (uint64[7] memory) {
        return Lanes.unpack(Lanes.pack(values));
    }

    function spread(uint64[7] calldata values, uint256 length, uint256 offset)
        external
        pure
        returns (uint256[] memory d)
    {
        d = new uint256[](length);
        Lanes.spread(Lanes.pack(values), d, offset);
    }

    function allAtLeast(uint64[7] calldata a, uint64[7] calldata b) external pure returns (bool) {
        return Lanes.allAtLeast(Lanes.pack(a), Lanes.pack(b));
    }

    function point(uint256 x, uint256 y) external pure returns (bool canonical, bool onCurve, bool smallOrder) {
        return (BabyJubJub.isCanonical(x, y), BabyJubJub.isOnCurve(x, y), BabyJubJub.isSmallOrder(x, y));
    }
}
