// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IMarket, ITaker} from "../interfaces/IMarket.sol";

/// @title A taker that is called back, and does then what a test tells it to. Tests only.
contract TestTaker is ITaker {
    /// @notice The arguments of the latest call-back, and who called.
    address public caller;
    bool public sells;
    uint256 public out;
    uint256 public owed;
    bytes public data;
    /// @notice What the call made in it returned.
    bool public succeeded;
    bytes public answer;
    address private _target;
    bytes private _call;

    function setCall(address target, bytes calldata call_) external {
        (_target, _call) = (target, call_);
    }

    function approve(IERC20 token, address spender, uint256 amount) external {
        token.approve(spender, amount);
    }

    function take(
        IMarket market,
        uint8 asset,
        uint256 units,
        uint256 limit,
        address recipient,
        bytes calldata data_
    ) external {
        market.take(asset, units, limit, recipient, data_);
    }

    /// @inheritdoc ITaker
    function onTake(uint8, bool sells_, uint256 out_, uint256 owed_, bytes calldata data_) external {
        (caller, sells, out, owed, data) = (msg.sender, sells_, out_, owed_, data_);
        if (_target != address(0)) (succeeded, answer) = _target.call(_call);
    }
}
