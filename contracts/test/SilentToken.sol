// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A token of 6 decimals whose transfers return nothing, as some old ones do.
contract SilentToken {
    uint8 public constant decimals = 6;
    mapping(address account => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address, uint256) external {}

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}
