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

constexpr auto wake_every = std::chrono::milliseconds(50);

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

/// Lets signal handlers run and delivers progress. What they raise is kept, and the work asked to stop.
inline std::exception_ptr look_after_python(const py::object& progress, ProgressMailbox& mailbox,
                                            std::stop_source& stop) {
  try {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    for (const core::Progress& now : mailbox.take()) progress(now.phase, now.done, now.total);
  } catch (...) {
    stop.request_stop();
    return std::current_exception();
  }
  return {};
}

/// What a control tells of progress: the mailbox, where someone asks for it.
inline core::CallControl control_of(const py::object& progress, ProgressMailbox& mailbox,
                                    const std::stop_source& stop) {
  core::CallControl control{.stop = stop.get_token(), .progress = {}};
  if (!progress.is_none()) control.progress = [&mailbox](const core::Progress& now) { mailbox.put(now); };
  return control;
}

/// Runs `body` on a thread of its own. The calling thread holds the GIL only while it looks after Python: every
/// 50 ms it lets signal handlers run and delivers progress. When either raises, the worker is asked to stop, is
/// waited for, and the Python error is raised; otherwise the worker's own exception is.
inline void run_on_worker(const py::object& progress, const std::function<void(const core::CallControl&)>& body) {
  std::stop_source stop;
  ProgressMailbox mailbox;
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  std::exception_ptr failure;
  std::exception_ptr python_error;

  const core::CallControl control = control_of(progress, mailbox, stop);
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
  for (bool ended_now = false; !ended_now;) {
    ended_now = wait();
    if (!python_error) python_error = look_after_python(progress, mailbox, stop);
  }
  worker.join();
  if (python_error) std::rethrow_exception(python_error);
  if (failure) std::rethrow_exception(failure);
}

/// Runs `body` on the calling thread and looks after Python when it has ended.
inline void run_here(const py::object& progress, const std::function<void(const core::CallControl&)>& body) {
  std::stop_source stop;
  ProgressMailbox mailbox;
  std::exception_ptr failure;
  {
    const py::gil_scoped_release without_gil;
    try {
      body(control_of(progress, mailbox, stop));
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (const std::exception_ptr python_error = look_after_python(progress, mailbox, stop)) {
    std::rethrow_exception(python_error);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail

/// Which thread a long call runs on.
enum class CallOn {
  worker,  ///< one begun for it: whatever the work does, Python is looked after
  caller,  ///< the calling one: for milliseconds of work, which beginning a thread would make longer
};

/// Every call that may take longer than a blink goes through here: `work(control)` runs on another thread without
/// the GIL, Ctrl-C reaches it within 50 ms through `control.stop`, and `progress(phase, done, total)` (or None) is
/// called on the calling thread at most every 50 ms with the latest event of each phase. `work` must not touch
/// Python objects without taking the GIL itself. On the calling thread, all that waits for the end of the work.
template <typename Work>
auto long_call(const py::object& progress, Work work, CallOn on = CallOn::worker) {
  using Answer = std::invoke_result_t<Work&, const core::CallControl&>;
  const auto run = on == CallOn::worker ? detail::run_on_worker : detail::run_here;
  if constexpr (std::is_void_v<Answer>) {
    run(progress, [&work](const core::CallControl& control) { work(control); });
  } else {
    std::optional<Answer> answer;
    run(progress, [&](const core::CallControl& control) { answer.emplace(work(control)); });
    return std::move(*answer);
  }
}

}  // namespace luban::bindings
