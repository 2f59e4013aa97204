#pragma once

#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>

namespace luban::monitor::detail {

/// @throws ConfigurationError unless `right`.
inline void require(bool right, const char* where, const char* expected, double received, const char* place) {
  if (right) return;
  throw core::ConfigurationError(
      {.where = where, .expected = expected, .received = core::number_text(received), .place = place, .hint = {}});
}

/// @throws DataError unless `right`.
inline void require_data(bool right, const char* where, const char* expected, std::string received) {
  if (right) return;
  throw core::DataError(
      {.where = where, .expected = expected, .received = std::move(received), .place = {}, .hint = {}});
}

}  // namespace luban::monitor::detail
