// SPDX-License-Identifier: Apache-2.0
// An empty program: measures what it costs to start a program and wait for its end.
int main(void) { return 0; }
