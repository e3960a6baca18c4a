// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "@chainlink/contracts/src/v0.8/shared/interfaces/AggregatorV3Interface.sol";

/// @title A price feed that says what anyone tells it to. Local chains only.
contract MockFeed is AggregatorV3Interface {
    error LocalChainsOnly(uint256 chainId);
    error Down();

    uint8 public decimals;
    bool public reverting;
    uint80 private _roundId;
    int256 private _answer;
    uint256 private _updatedAt;

    constructor(uint8 decimals_, int256 answer) {
        if (block.chainid != 31337 && block.chainid != 1337) revert LocalChainsOnly(block.chainid);
        decimals = decimals_;
        setAnswer(answer);
    }

    /// @notice A new answer, updated now.
    function setAnswer(int256 answer) public {
        _answer = answer;
        _updatedAt = block.timestamp;
        ++_roundId;
    }

    function setUpdatedAt(uint256 updatedAt) external {
        _updatedAt = updatedAt;
    }

    function setReverting(bool reverting_) external {
        reverting = reverting_;
    }

    function setDecimals(uint8 decimals_) external {
        decimals = decimals_;
    }

    function description() external pure returns (string memory) {
        return "mock";
    }

    function version() external pure returns (uint256) {
        return 1;
    }

    function latestRoundData() public view returns (uint80, int256, uint256, uint256, uint80) {
        if (reverting) revert Down();
        return (_roundId, _answer, _updatedAt, _updatedAt, _roundId);
    }

    /// @notice Only the latest round is kept; it is given for any id.
    function getRoundData(uint80) external view returns (uint80, int256, uint256, uint256, uint80) {
        return latestRoundData();
    }
}
