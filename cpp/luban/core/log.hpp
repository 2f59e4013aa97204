#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <luban/core/export.hpp>

namespace luban::core {

enum class LogLevel { debug, info, warning, error };

/// One structured line: who says it, how serious, what.
struct LogRecord {
  LogLevel level;
  std::string where;  ///< module and function, e.g. "surrogate.fit"
  std::string message;
};

/// Where log lines go. Handed to the calls that log; there is no global logger.
using LogSink = std::function<void(const LogRecord&)>;

[[nodiscard]] LUBAN_CORE_EXPORT std::string_view name(LogLevel level) noexcept;

}  // namespace luban::core
