// SPDX-License-Identifier: Apache-2.0
// What it costs to start a program and to wait for its end.
int main(void) { return 0; }
