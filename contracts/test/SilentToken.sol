// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A token of 6 decimals whose transfers and approvals return nothing, as some old ones do; and like one of
/// those it does not change an allowance into another.
contract SilentToken {
    error AllowanceLeft();

    uint8 public constant decimals = 6;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address account => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        if (amount != 0 && allowance[msg.sender][spender] != 0) revert AllowanceLeft();
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}
