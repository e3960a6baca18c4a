// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MockToken} from "../mocks/MockToken.sol";

/// @title A token with the habits of bad tokens, each switched on by a test.
contract TrickyToken is MockToken {
    error Down();
    error Blocked(address account);

    /// @notice Kept from every transfer, in token units.
    uint256 public fee;
    /// @notice Transfers change nothing and return false.
    bool public refusing;
    /// @notice Every call reverts, views included.
    bool public reverting;
    mapping(address account => bool) public blocked;
    address private _target;
    bytes private _call;
    /// @notice What the call made during a transfer returned.
    bool public reentered;
    bytes public answer;

    constructor(string memory symbol_, uint8 decimals_) MockToken(symbol_, decimals_) {}

    function setFee(uint256 fee_) external {
        fee = fee_;
    }

    function setRefusing(bool refusing_) external {
        refusing = refusing_;
    }

    function setReverting(bool reverting_) external {
        reverting = reverting_;
    }

    function setBlocked(address account, bool blocked_) external {
        blocked[account] = blocked_;
    }

    /// @notice Makes a call in the name of the token during every transfer.
    function setCall(address target, bytes calldata call_) external {
        (_target, _call) = (target, call_);
    }

    /// @notice Calls from the token's address, for what a test has to do in its name.
    function perform(address target, bytes calldata call_) external payable {
        (bool ok, bytes memory data) = target.call{value: msg.value}(call_);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(data, 32), mload(data))
            }
        }
    }

    /// @notice A rebase: the account's balance changes by itself.
    function rebase(address account, uint256 balance) external {
        uint256 held = super.balanceOf(account);
        if (balance < held) _burn(account, held - balance);
        else _mint(account, balance - held);
    }

    receive() external payable {}

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (refusing) return false;
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (refusing) return false;
        return super.transferFrom(from, to, amount);
    }

    function balanceOf(address account) public view override returns (uint256) {
        if (reverting) revert Down();
        return super.balanceOf(account);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (reverting) revert Down();
        if (blocked[to]) revert Blocked(to);
        super._update(from, to, amount);
        if (from == address(0) || to == address(0)) return;
        if (fee > 0) super._update(to, address(0), fee);
        if (_target != address(0)) (reentered, answer) = _target.call(_call);
    }
}
