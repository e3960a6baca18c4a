// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// Pyth's own mock, so that it is compiled.
import {MockPyth} from "@pythnetwork/pyth-sdk-solidity/MockPyth.sol";

contract PythMock is MockPyth {
    constructor(uint256 validTimePeriod, uint256 fee) MockPyth(validTimePeriod, fee) {}
}
