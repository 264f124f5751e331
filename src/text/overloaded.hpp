// SPDX-License-Identifier: Apache-2.0
// Visits a variant with one lambda per alternative.
#pragma once

namespace nvhook {

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

}  // namespace nvhook
