// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";

import {ISource} from "../interfaces/ISource.sol";

/// @title The latest answer of a Chainlink aggregator, which says nothing of its confidence.
contract ChainlinkSource is ISource {
    AggregatorV3Interface public immutable feed;

    constructor(AggregatorV3Interface feed_) {
        feed = feed_;
    }

    /// @inheritdoc ISource
    function decimals() public view returns (uint8) {
        return feed.decimals();
    }

    /// @inheritdoc ISource
    function timeWeighted() external pure returns (bool) {
        return false;
    }

    /// @inheritdoc ISource
    function read()
        external
        view
        returns (uint256 price, uint256 confidence, uint256 time, uint256 currentDecimals)
    {
        (, int256 answer,, uint256 updatedAt,) = feed.latestRoundData();
        return (answer > 0 ? uint256(answer) : 0, 0, updatedAt, decimals());
    }
}
