// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {INativeCredits} from "../interfaces/INativeCredits.sol";

/// @title Pull payments in the chain's coin; see `INativeCredits`.
/// @dev Apart from everything else, so that an owner that cannot receive coins, or calls back, stops nothing but its
/// own.
abstract contract NativeCredits is INativeCredits, ReentrancyGuard {
    /// @inheritdoc INativeCredits
    mapping(address owner => uint256) public nativeCredits;

    /// @inheritdoc INativeCredits
    function withdrawNativeCredits(address owner) external nonReentrant {
        uint256 amount = nativeCredits[owner];
        if (amount == 0) revert NothingToWithdraw();
        nativeCredits[owner] = 0;
        Address.sendValue(payable(owner), amount);
    }
}
