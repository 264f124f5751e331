// SPDX-License-Identifier: Apache-2.0
// Matchers for functions that must throw an Error with a given code and words.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "text/error.hpp"

namespace nvhook {

/// Matches a callable that throws an Error with this code and these words in its message.
inline auto fails_with(Code code, const std::string& words) {
  return ::testing::Throws<Error>(
      ::testing::AllOf(::testing::Property("code", &Error::code, code),
                       ::testing::Property("what", &Error::what, ::testing::HasSubstr(words))));
}

/// As fails_with(), for words in the remedy.
inline auto fails_with_remedy(Code code, const std::string& words) {
  return ::testing::Throws<Error>(
      ::testing::AllOf(::testing::Property("code", &Error::code, code),
                       ::testing::Property("remedy", &Error::remedy, ::testing::HasSubstr(words))));
}

}  // namespace nvhook
