// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Calls whatever it is told to: as a contract of its own, or as the code that a plain key lends itself by
/// EIP-7702.
contract Relay {
    error Refused(bytes reason);

    function relay(address to, bytes calldata data) external {
        (bool ok, bytes memory reason) = to.call(data);
        if (!ok) revert Refused(reason);
    }
}
