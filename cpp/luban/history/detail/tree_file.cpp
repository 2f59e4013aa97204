#include <cstdint>
#include <cstdio>
#include <cstring>
#include <luban/core/error.hpp>
#include <luban/history/detail/chunk_reader.hpp>
#include <luban/history/detail/sealed_file.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <luban/parallel/arena.hpp>
#include <type_traits>
#include <utility>

namespace luban::history::detail {
namespace {

const std::string no_object;

void require_hdf5(const std::filesystem::path& path, const std::string& name) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error || !std::filesystem::is_regular_file(status)) {
    throw core::IoError({.where = "history.open",
                         .expected = "a readable history file",
                         .received = std::filesystem::exists(status) ? "something that is not a file" : "no such file",
                         .place = name,
                         .hint = "check the path; `luban import` makes a history from a CSV file"});
  }
  if (std::FILE* file = std::fopen(name.c_str(), "rb"); file != nullptr) {
    std::fclose(file);
  } else {
    throw core::IoError({.where = "history.open",
                         .expected = "a readable history file",
                         .received = std::strerror(errno),
                         .place = name,
                         .hint = "check the permissions"});
  }
  const Hdf5Lock lock;
  if (H5Fis_hdf5(name.c_str()) <= 0) {
    throw core::IntegrityError({.where = "history.open",
                                .expected = "an HDF5 file",
                                .received = "a file without the HDF5 signature",
                                .place = name,
                                .hint = "if it is a CSV or Parquet file, make a history of it with `luban import`"});
  }
}

/// The rows as `read` returns them, not yet filled, and the fetch that fills them.
ColumnData make_column(const DatasetInfo& info, std::size_t rows, Fetch& fetch) {
  const auto numbers = [&](auto values) -> ColumnData {
    values.resize(rows);
    fetch.out = reinterpret_cast<std::byte*>(values.data());
    return values;  // moved: its memory stays where it is
  };
  if (info.kind == StoredKind::float64) return numbers(std::vector<double>());
  if (info.kind == StoredKind::int64) return numbers(std::vector<std::int64_t>());
  if (info.kind == StoredKind::int32) return numbers(std::vector<std::int32_t>());
  std::vector<std::string> texts(rows);
  fetch.texts = texts.data();
  return texts;
}

bool variable_text(const DatasetInfo& info) noexcept {
  return info.kind == StoredKind::text && info.element_size == 0;
}

/// The most that stored bytes can become, for the filters of a dataset; 0 stands for anything.
std::size_t largest_ratio(const DatasetInfo& info) noexcept {
  if (info.chunk == 0) return 1;
  if (!info.direct && info.element_size > 0) return 65536;
  std::size_t ratio = 1;
  for (const Filter& filter : info.pipeline) {
    if (filter.id == FilterId::deflate) ratio = 1100;
    if (filter.id == FilterId::lz4) ratio = 300;
    if (filter.id == FilterId::zstd) ratio = 65536;
  }
  return ratio;
}

}  // namespace

TreeFile::TreeFile(const std::filesystem::path& path) : path_(path.string()) {
  require_hdf5(path, path_);
  require_intact_heaps(path);
  const Hdf5Lock lock;
  const Hdf5Place place{"history.open", path_, no_object};
  const Handle access = access_properties(lock, false);
  file_.set({checked(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, access.id()), "H5Fopen", place), &H5Fclose});
  file_size_ = std::filesystem::file_size(path);
  list(lock);
}

TreeFile::TreeFile(const Tree& tree, const Compression& compression, const core::CallControl& control)
    : path_("memory") {
  {
    const Hdf5Lock lock;
    const Handle create = creation_properties(lock);
    const Handle access = access_properties(lock, true);
    const Hdf5Place place{"history.write", path_, no_object, true};
    // The library tells files in memory apart by their names alone: ours is the address of what owns it.
    const std::string name = "luban-in-memory-" + std::to_string(reinterpret_cast<std::uintptr_t>(this));
    file_.set(
        {checked(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, create.id(), access.id()), "H5Fcreate", place), &H5Fclose});
  }
  write_tree(file_.id(), path_, tree, compression, control);
  const Hdf5Lock lock;
  hsize_t size = 0;
  checked(H5Fget_filesize(file_.id(), &size), "H5Fget_filesize", {"history.open", path_, no_object});
  file_size_ = size;
  list(lock);
}

TreeFile::~TreeFile() {
  const Hdf5Lock lock;
  handles_.clear(lock);
}

const DatasetInfo& TreeFile::info(const std::string& object) const {
  const auto found = datasets_.find(object);
  if (found == datasets_.end()) {
    throw core::IntegrityError({.where = "history.read",
                                .expected = "a dataset " + object,
                                .received = "nothing of that name",
                                .place = path_,
                                .hint = "`luban verify` lists everything that is wrong with the file"});
  }
  return found->second;
}

const DatasetInfo& TreeFile::require_rows(const std::string& object, std::size_t begin, std::size_t end) const {
  const DatasetInfo& known = info(object);
  if (begin > end || end > known.count) {
    throw core::DataError({.where = "history.read",
                           .expected = "rows within 0 and " + std::to_string(known.count),
                           .received = std::to_string(begin) + " to " + std::to_string(end),
                           .place = path_ + ", " + object,
                           .hint = {}});
  }
  const auto refuse = [&](const char* expected, const std::string& received) {
    throw core::IntegrityError({.where = "history.read",
                                .expected = expected,
                                .received = received,
                                .place = path_ + ", " + object,
                                .hint = "the file was not written by this format's rules"});
  };
  if (known.kind == StoredKind::other) {
    refuse("a column of float64, int64, int32 or text", "another type or shape");
  }
  if (!known.fault.empty()) refuse("a column of sensible size", known.fault);
  // What cannot come out of this file is not allocated: a few bytes may claim 2^40 rows.
  constexpr std::size_t always = std::size_t{1} << 24;
  constexpr std::size_t reference = 16;  // of a variable-length text
  const std::size_t wanted = (end - begin) * (known.element_size == 0 ? reference : known.element_size);
  if (wanted <= always || wanted / largest_ratio(known) <= file_size_ / 64) return known;
  const Hdf5Lock lock;
  const hid_t dataset = handles_.get(lock, file_.id(), {"history.read", path_, object});
  const std::size_t stored = std::min<std::size_t>(H5Dget_storage_size(dataset), file_size_);
  if (wanted / largest_ratio(known) > stored) {
    refuse("as many bytes as the rows need",
           std::to_string(stored) + " stored bytes for " + std::to_string(end - begin) + " rows");
  }
  return known;
}

ColumnData TreeFile::read(const std::string& object, std::size_t begin, std::size_t end) const {
  const DatasetInfo& known = require_rows(object, begin, end);
  if (variable_text(known)) return read_variable_text(object, begin, end);
  Fetch fetch{&object, &known, begin, end};
  ColumnData data = make_column(known, end - begin, fetch);
  ChunkReader(*this).read({&fetch, 1});
  return data;
}

std::vector<ColumnData> TreeFile::read_many(std::span<const ColumnRequest> requests) const {
  std::vector<ColumnData> columns(requests.size());
  std::vector<Fetch> fetches;
  for (const ColumnRequest& request : requests) {
    const DatasetInfo& known = require_rows(request.object, request.begin, request.end);
    fetches.push_back({&request.object, &known, request.begin, request.end});
  }
  // Clearing the memory is half the work of reading it: at least let all threads do it.
  parallel::for_each_index(requests.size(), [&](std::size_t i) {
    if (variable_text(*fetches[i].info)) return;
    columns[i] = make_column(*fetches[i].info, fetches[i].end - fetches[i].begin, fetches[i]);
  });
  std::vector<Fetch> fixed;
  for (std::size_t i = 0; i < fetches.size(); ++i) {
    if (variable_text(*fetches[i].info)) {
      columns[i] = read_variable_text(requests[i].object, requests[i].begin, requests[i].end);
    } else {
      fixed.push_back(fetches[i]);
    }
  }
  ChunkReader(*this).read(fixed);
  return columns;
}

void TreeFile::read_into(std::span<const ColumnTarget> targets) const {
  std::vector<Fetch> fetches;
  for (const ColumnTarget& target : targets) {
    const DatasetInfo& known = require_rows(target.object, target.begin, target.end);
    if (variable_text(known) || target.out.size() != (target.end - target.begin) * known.element_size) {
      throw core::DataError(
          {.where = "history.read",
           .expected = variable_text(known)
                           ? std::string("elements of fixed size")
                           : std::to_string((target.end - target.begin) * known.element_size) + " bytes of memory",
           .received =
               variable_text(known) ? std::string("texts of variable length") : std::to_string(target.out.size()),
           .place = path_ + ", " + target.object,
           .hint = {}});
    }
    fetches.push_back({&target.object, &known, target.begin, target.end, target.out.data()});
  }
  ChunkReader(*this).read(fetches);
}

void TreeFile::read_into(const std::string& object, std::size_t begin, std::size_t end,
                         std::span<std::byte> out) const {
  const ColumnTarget target{object, begin, end, out};
  read_into({&target, 1});
}

}  // namespace luban::history::detail
