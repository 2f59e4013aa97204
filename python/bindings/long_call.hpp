#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include <luban/core/call_control.hpp>

namespace luban::bindings {

namespace py = pybind11;

namespace detail {

/// Where the worker leaves progress: the latest event of each phase, in the order in which phases began.
class ProgressMailbox {
 public:
  void put(const core::Progress& now) {
    const std::lock_guard lock(mutex_);
    const auto same = [&now](const core::Progress& held) { return held.phase == now.phase; };
    const auto at = std::find_if(latest_.begin(), latest_.end(), same);
    if (at == latest_.end()) {
      latest_.push_back(now);
    } else {
      *at = now;
    }
  }
  [[nodiscard]] std::vector<core::Progress> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(latest_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<core::Progress> latest_;
};

/// Runs `body` on a thread of its own. The calling thread holds the GIL only while it looks after Python: every
/// 50 ms it lets signal handlers run and delivers progress. When either raises, the worker is asked to stop, is
/// waited for, and the Python error is raised; otherwise the worker's own exception is.
inline void run_on_worker(const py::object& progress, const std::function<void(const core::CallControl&)>& body) {
  constexpr auto wake_every = std::chrono::milliseconds(50);
  std::stop_source stop;
  ProgressMailbox mailbox;
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  std::exception_ptr failure;
  std::exception_ptr python_error;

  core::CallControl control{.stop = stop.get_token(), .progress = {}};
  if (!progress.is_none()) control.progress = [&mailbox](const core::Progress& now) { mailbox.put(now); };

  std::thread worker([&] {
    try {
      body(control);
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    done = true;
    ended.notify_one();
  });
  const auto wait = [&] {
    const py::gil_scoped_release without_gil;
    std::unique_lock lock(mutex);
    return ended.wait_for(lock, wake_every, [&done] { return done; });
  };
  const auto look_after_python = [&] {
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      for (const core::Progress& now : mailbox.take()) progress(now.phase, now.done, now.total);
    } catch (...) {
      python_error = std::current_exception();
      stop.request_stop();
    }
  };
  for (bool ended_now = false; !ended_now;) {
    ended_now = wait();
    if (!python_error) look_after_python();
  }
  worker.join();
  if (python_error) std::rethrow_exception(python_error);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail

/// Every call that may take longer than a blink goes through here: `work(control)` runs on another thread without
/// the GIL, Ctrl-C reaches it within 50 ms through `control.stop`, and `progress(phase, done, total)` (or None) is
/// called on the calling thread at most every 50 ms with the latest event of each phase. `work` must not touch
/// Python objects without taking the GIL itself.
template <typename Work>
auto long_call(const py::object& progress, Work work) {
  using Answer = std::invoke_result_t<Work&, const core::CallControl&>;
  if constexpr (std::is_void_v<Answer>) {
    detail::run_on_worker(progress, [&work](const core::CallControl& control) { work(control); });
  } else {
    std::optional<Answer> answer;
    detail::run_on_worker(progress, [&](const core::CallControl& control) { answer.emplace(work(control)); });
    return std::move(*answer);
  }
}

}  // namespace luban::bindings
