// SPDX-License-Identifier: Apache-2.0
// A visitor for std::visit with one lambda for each alternative.
#pragma once

namespace nvhook {

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

}  // namespace nvhook
