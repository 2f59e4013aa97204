#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/core/text.hpp>
#include <luban/history/array_source.hpp>
#include <luban/history/detail/codec/scratch.hpp>
#include <luban/history/minibatches.hpp>
#include <luban/parallel/arena.hpp>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

namespace luban::history {
namespace {

using Pool = std::shared_ptr<const std::vector<float>>;

void shuffle(std::vector<std::size_t>& order, core::Generator random) {
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

/// The source, when what is asked of it can be had.
const process::TableSource& checked(const process::TableSource& source, const std::vector<std::string>& columns,
                                    const MinibatchOptions& options) {
  const auto schema = source.schema();
  std::vector<std::string> known;
  for (const process::ColumnInfo& info : schema) known.push_back(info.name);
  for (const std::string& name : columns) {
    const auto found = std::find_if(schema.begin(), schema.end(), [&](const auto& info) { return info.name == name; });
    const bool fits = found != schema.end() &&
                      (found->kind == process::ColumnKind::float64 || found->kind == process::ColumnKind::code);
    if (fits) continue;
    throw core::DataError({.where = "history.minibatches",
                           .expected = "columns of numbers or categories",
                           .received = core::quoted(name),
                           .place = {},
                           .hint = core::nearest_hint(name, known)});
  }
  if (options.size == 0 || options.pool_rows == 0 || columns.empty()) {
    throw core::ConfigurationError({.where = "history.minibatches",
                                    .expected = "a size, a pool and columns",
                                    .received = "none",
                                    .place = {},
                                    .hint = {}});
  }
  return source;
}

/// Columns of some rows: decoded into memory that is used again where the source can do that, else in a table.
class Rows {
 public:
  Rows(const process::TableSource& source, const std::vector<std::string>& columns)
      : source_(source), direct_(dynamic_cast<const ArraySource*>(&source)), names_(columns), memory_(columns.size()) {
    const auto schema = source.schema();
    for (const std::string& name : columns) {
      const auto found =
          std::find_if(schema.begin(), schema.end(), [&](const auto& info) { return info.name == name; });
      is_code_.push_back(found->kind == process::ColumnKind::code);
    }
  }

  void read(process::RowRange rows) {
    std::vector<bool> filled(names_.size(), false);
    places_.assign(names_.size(), nullptr);
    if (direct_ != nullptr) {
      std::vector<ColumnMemory> wanted;
      for (std::size_t c = 0; c < names_.size(); ++c) {
        const std::size_t size = is_code_[c] ? sizeof(std::int32_t) : sizeof(double);
        wanted.push_back({names_[c], memory_[c].get(rows.size() * size)});
        places_[c] = wanted.back().bytes.data();
      }
      filled = direct_->read_into(wanted, rows);
    }
    std::vector<std::string> rest;
    for (std::size_t c = 0; c < names_.size(); ++c) {
      if (!filled[c]) rest.push_back(names_[c]);
    }
    if (rest.empty()) return;
    table_ = source_.read(rest, rows);
    for (std::size_t c = 0; c < names_.size(); ++c) {
      if (filled[c]) continue;
      const auto& data = table_.at(names_[c]).data;
      const auto* numbers = std::get_if<std::vector<double>>(&data);
      places_[c] = numbers != nullptr ? static_cast<const void*>(numbers->data())
                                      : static_cast<const void*>(std::get<std::vector<std::int32_t>>(data).data());
    }
  }

  /// Rows [begin, end) of those that were read, row-major.
  void convert(std::size_t begin, std::size_t end, float* out) const {
    const std::size_t width = names_.size();
    for (std::size_t c = 0; c < width; ++c) {
      if (is_code_[c]) {
        const auto* codes = static_cast<const std::int32_t*>(places_[c]);
        for (std::size_t i = begin; i < end; ++i) {
          out[(i - begin) * width + c] =
              codes[i] < 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(codes[i]);
        }
      } else {
        const auto* numbers = static_cast<const double*>(places_[c]);
        for (std::size_t i = begin; i < end; ++i) out[(i - begin) * width + c] = static_cast<float>(numbers[i]);
      }
    }
  }

 private:
  const process::TableSource& source_;
  const ArraySource* direct_;
  const std::vector<std::string>& names_;
  std::vector<detail::Scratch> memory_;
  std::vector<bool> is_code_;
  std::vector<const void*> places_;
  process::Table table_;
};

/// Writes row i of those that were read to row place[i] of a matrix: some rows at a time, which stay in the cache, so
/// that each place far away is gone to once and not once per column.
void scatter(const Rows& rows, std::size_t width, std::span<const std::size_t> place, float* out) {
  constexpr std::size_t tile = 256;
  parallel::for_each_index((place.size() + tile - 1) / tile, [&](std::size_t t) {
    thread_local std::vector<float> near;
    const std::size_t begin = t * tile;
    const std::size_t end = std::min(place.size(), begin + tile);
    near.resize(tile * width);
    rows.convert(begin, end, near.data());
    for (std::size_t i = begin; i < end; ++i) {
      std::copy_n(near.data() + (i - begin) * width, width, out + place[i] * width);
    }
  });
}

}  // namespace

struct Minibatches::Impl {
  Impl(std::shared_ptr<const process::TableSource> rows, std::vector<std::string> names, const MinibatchOptions& given)
      : source(std::move(rows)),
        columns(std::move(names)),
        options(given),
        read(checked(*source, columns, given), columns) {
    blocks = source->blocks();
    std::vector<std::size_t> order(blocks.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const core::RandomKey key = core::RandomKey(options.seed).child(options.epoch);
    if (options.shuffle) shuffle(order, key.child("blocks").generator());
    for (const std::size_t block : order) wanted.push_back(blocks[block]);
    worker = std::jthread([this, key](const std::stop_token& stop) { produce(stop, key.child("rows")); });
  }

  ~Impl() {
    worker.request_stop();
    changed.notify_all();
  }

  /// Reads pool after pool, one ahead of what is taken.
  void produce(const std::stop_token& stop, const core::RandomKey& key) {
    try {
      std::vector<float> rest;  // rows that did not fill a minibatch: they come first in the next pool
      std::size_t number = 0;
      for (std::size_t next = 0; next < wanted.size() && !stop.stop_requested();) {
        std::vector<process::RowRange> ranges;
        std::size_t rows = 0;
        while (next < wanted.size() && (ranges.empty() || rows + wanted[next].size() <= options.pool_rows)) {
          rows += wanted[next].size();
          ranges.push_back(wanted[next++]);
        }
        put(make_pool(ranges, rows, rest, next == wanted.size(), key.child(number++)), stop);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    done = true;
    changed.notify_all();
  }

  Pool make_pool(const std::vector<process::RowRange>& ranges, std::size_t rows, std::vector<float>& rest, bool last,
                 const core::RandomKey& key) {
    const std::size_t width = columns.size();
    const std::size_t lead = rest.size() / width;
    std::vector<std::size_t> place(rows);
    std::iota(place.begin(), place.end(), std::size_t{0});
    if (options.shuffle) shuffle(place, key.generator());
    auto values = std::make_shared<std::vector<float>>((lead + rows) * width);
    std::copy(rest.begin(), rest.end(), values->begin());
    std::size_t before = 0;
    for (const process::RowRange& range : ranges) {
      read.read(range);
      scatter(read, width, std::span(place).subspan(before, range.size()), values->data() + lead * width);
      before += range.size();
    }
    const std::size_t kept = last ? lead + rows : (lead + rows) / options.size * options.size;
    rest.assign(values->begin() + static_cast<std::ptrdiff_t>(kept * width), values->end());
    values->resize(kept * width);
    return values;
  }

  void put(Pool pool, const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return ready.empty() || stop.stop_requested(); });
    ready.push_back(std::move(pool));
    changed.notify_all();
  }

  Minibatch take() {
    const std::size_t width = columns.size();
    while (current == nullptr || at == current->size() / width) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return !ready.empty() || done; });
      if (ready.empty()) {
        if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
        return {};
      }
      current = std::move(ready.front());
      ready.pop_front();
      at = 0;
      changed.notify_all();
    }
    const std::size_t rows = std::min(options.size, current->size() / width - at);
    const std::size_t first = std::exchange(at, at + rows);
    if (rows < options.size && options.drop_last) return {};
    return {current, current->data() + first * width, rows, width};
  }

  std::shared_ptr<const process::TableSource> source;
  std::vector<std::string> columns;
  MinibatchOptions options;
  Rows read;  // the worker's
  std::vector<process::RowRange> blocks, wanted;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Pool> ready;
  std::exception_ptr failure;
  bool done = false;
  Pool current;
  std::size_t at = 0;
  std::jthread worker;  // last: it ends before what it uses
};

Minibatches::Minibatches(std::shared_ptr<const process::TableSource> source, std::vector<std::string> columns,
                         const MinibatchOptions& options)
    : impl_(std::make_unique<Impl>(std::move(source), std::move(columns), options)) {}
Minibatches::~Minibatches() = default;

Minibatch Minibatches::next() {
  return impl_->take();
}

}  // namespace luban::history
