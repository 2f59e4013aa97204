#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/core/random.hpp>
#include <luban/core/text.hpp>
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

void require(const process::TableSource& source, const std::vector<std::string>& columns,
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
}

/// Rows of a table as a matrix, row `order[i]` at i; `lead` rows stand before them already.
void fill(std::vector<float>& out, std::size_t lead, const process::Table& table,
          const std::vector<std::string>& columns, const std::vector<std::size_t>& place) {
  const std::size_t width = columns.size();
  parallel::for_each_index(width, [&](std::size_t c) {
    const process::Column& column = table.at(columns[c]);
    float* const first = out.data() + lead * width + c;
    if (const auto* numbers = std::get_if<std::vector<double>>(&column.data)) {
      for (std::size_t i = 0; i < place.size(); ++i) first[place[i] * width] = static_cast<float>((*numbers)[i]);
    } else {
      const auto& codes = std::get<std::vector<std::int32_t>>(column.data);
      for (std::size_t i = 0; i < place.size(); ++i) {
        first[place[i] * width] = codes[i] < 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(codes[i]);
      }
    }
  });
}

}  // namespace

struct Minibatches::Impl {
  Impl(std::shared_ptr<const process::TableSource> rows, std::vector<std::string> names, const MinibatchOptions& given)
      : source(std::move(rows)), columns(std::move(names)), options(given) {
    require(*source, columns, options);
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
                 const core::RandomKey& key) const {
    const std::size_t width = columns.size();
    const std::size_t lead = rest.size() / width;
    std::vector<std::size_t> place(rows);
    std::iota(place.begin(), place.end(), std::size_t{0});
    if (options.shuffle) shuffle(place, key.generator());
    auto values = std::make_shared<std::vector<float>>((lead + rows) * width);
    std::copy(rest.begin(), rest.end(), values->begin());
    std::size_t before = 0;
    for (const process::RowRange& range : ranges) {
      const std::vector<std::size_t> part(place.begin() + static_cast<std::ptrdiff_t>(before),
                                          place.begin() + static_cast<std::ptrdiff_t>(before + range.size()));
      fill(*values, lead, source->read(columns, range), columns, part);
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
