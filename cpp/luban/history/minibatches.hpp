#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <luban/history/export.hpp>
#include <luban/process/table.hpp>

namespace luban::history {

/// How an epoch is cut into minibatches.
struct MinibatchOptions {
  std::size_t size = 256;
  /// Whole blocks are read in random order, and the rows of so many blocks are shuffled together. A single row is never
  /// fetched by itself: that would read a block for it.
  bool shuffle = true;
  /// Rows that are shuffled together, at least; what is held in memory is about twice that.
  std::size_t pool_rows = std::size_t{1} << 19;
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;  ///< another epoch, another order
  bool drop_last = false;   ///< leave out a last minibatch that is not full
};

/// Some rows of the chosen columns, row-major: (rows, columns) float32. Missing is NaN, a category its code.
struct LUBAN_HISTORY_EXPORT Minibatch {
  std::shared_ptr<const std::vector<float>> pool;  ///< what owns the values
  const float* values = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
};

/// One epoch over a source of rows: every row once, in an order that the seed and the epoch give, whatever the number
/// of threads. A thread of its own reads and shuffles the next pool meanwhile. Not for several threads at once.
class LUBAN_HISTORY_EXPORT Minibatches {
 public:
  /// @throws DataError when a column is absent or holds texts, times or samples; ConfigurationError when an option is
  /// 0.
  Minibatches(std::shared_ptr<const process::TableSource> source, std::vector<std::string> columns,
              const MinibatchOptions& options = {});
  ~Minibatches();
  Minibatches(const Minibatches&) = delete;
  Minibatches& operator=(const Minibatches&) = delete;

  /// The next one; `rows` is 0 at the end. @throws IntegrityError when what was read is damaged.
  [[nodiscard]] Minibatch next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace luban::history
