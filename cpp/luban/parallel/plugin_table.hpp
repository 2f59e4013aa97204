#pragma once
// The border between libluban_parallel and a plugin: plain C types and functions, so that the two need not be built
// together and neither sees the other's symbols. A plugin exports one symbol, luban_parallel_plugin.

#include <cstdint>

namespace luban::parallel::plugin {

/// Raised whenever anything below changes.
inline constexpr std::uint32_t abi_version = 1;
inline constexpr const char* symbol = "luban_parallel_plugin";

extern "C" {

/// How a call ended. Everything but `done` has a text: Table::explain.
enum Status : std::int32_t {
  done = 0,
  failed = 1,   ///< the library returned an error
  stopped = 2,  ///< the caller asked to stop; this rank can no longer take part
  left = 3,     ///< another rank has left; this rank can no longer take part
};

/// A group of ranks, as the plugin knows it.
struct Group;

/// Asks whether to go on waiting; null function: always.
struct Patience {
  std::int32_t (*stop)(void* context);
  void* context;
};

struct Table {
  std::uint32_t abi_version;  ///< stays first for ever
  std::uint32_t table_bytes;  ///< sizeof(Table) of the plugin
  const char* name;           ///< "openmpi"
  const char* built_with;

  /// Text of the last call on this thread that was not `done`; valid until the next one.
  const char* (*explain)();
  /// What the library says of its version; starts nothing.
  const char* (*library_version)();

  /// Initialises the library when nobody has, and makes a group of all ranks. Called once.
  Status (*open)(std::int32_t patience_ms, Group** world, std::int32_t* rank, std::int32_t* size);
  /// All ranks' `bytes` bytes, by rank. Waits for the others.
  Status (*exchange)(Group*, const void* own, void* all, std::int32_t bytes, const Patience*);
  // From here on all ranks of the group are known to be in the same call.
  Status (*broadcast)(Group*, void* data, std::int32_t bytes, std::int32_t root);
  /// In place; kind and reduction as luban::parallel::ValueKind and Reduction.
  Status (*all_reduce)(Group*, void* values, std::int32_t count, std::uint32_t kind, std::uint32_t reduction);
  Status (*all_gather)(Group*, const void* own, void* all, const std::int32_t* lengths, const std::int32_t* begins);
  Status (*split)(Group*, std::int32_t color, std::int32_t new_rank, Group** part);
  void (*release)(Group*);
  /// Says `why` on stderr and ends the job; does not return.
  void (*abort)(std::int32_t code, const char* why);
  /// At the end of the process: tells the others, waits for them, finalises what `open` initialised.
  Status (*leave)();
};

/// Type of the exported function.
using Entry = const Table* (*)();

}  // extern "C"

}  // namespace luban::parallel::plugin
