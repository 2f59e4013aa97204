#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include <luban/core/error.hpp>

namespace luban::core {

/// How far a long call has come.
struct Progress {
  std::string phase;       ///< what is being done, e.g. "fit fold 3 of 5"
  std::int64_t done = 0;   ///< units finished
  std::int64_t total = 0;  ///< units in all; 0 = unknown
};

/// Handed to every long call: reports progress and asks it to stop. The callback may come from any thread,
/// one call at a time.
struct CallControl {
  std::stop_token stop;
  std::function<void(const Progress&)> progress;

  /// @throws StoppedError when a stop was requested. Cheap: call it at every step of a loop.
  void check(const char* where) const {
    if (stop.stop_requested()) {
      throw StoppedError({.where = where,
                          .expected = "to run to its end",
                          .received = "a request to stop",
                          .place = {},
                          .hint = "what was finished before is kept; run it again to go on"});
    }
  }
  void report(const Progress& now) const {
    if (progress) {
      progress(now);
    }
  }
};

}  // namespace luban::core
