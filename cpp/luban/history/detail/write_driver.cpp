#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <luban/history/detail/write_driver.hpp>
#include <map>
#include <memory>
#include <span>
#include <vector>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

namespace luban::history::detail {
namespace {

constexpr haddr_t page_size = 4096;

/// The library sees the base alone, and fills it.
struct WrittenFile : H5FD_t {
  int descriptor = -1;
  haddr_t end_of_addresses = 0;
  haddr_t end_of_file = 0;
  WriteOutcome* outcome = nullptr;
  std::map<haddr_t, std::vector<std::byte>> kept;  ///< pages of metadata that could not be written
};

WrittenFile& ours(H5FD_t* file) {
  return static_cast<WrittenFile&>(*file);
}
const WrittenFile& ours(const H5FD_t* file) {
  return static_cast<const WrittenFile&>(*file);
}

void note(WrittenFile& file) {
  if (file.outcome->error == 0) file.outcome->error = errno != 0 ? errno : EIO;
}

/// Calls action(page number, offset in the page, offset in the stretch, length) for each part of a stretch.
template <typename Action>
void for_each_page(haddr_t begin, std::size_t size, const Action& action) {
  for (std::size_t at = 0; at < size;) {
    const haddr_t within = (begin + at) % page_size;
    const std::size_t length = std::min<std::size_t>(size - at, page_size - within);
    action((begin + at) / page_size, static_cast<std::size_t>(within), at, length);
    at += length;
  }
}

/// Reads what the file has; the rest is zeros.
bool read_file(int descriptor, haddr_t begin, std::span<std::byte> out) {
  std::size_t at = 0;
  while (at < out.size()) {
    const ssize_t count = ::pread(descriptor, out.data() + at, out.size() - at, static_cast<off_t>(begin + at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) break;
    at += static_cast<std::size_t>(count);
  }
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(at), out.end(), std::byte{0});
  return true;
}

void keep(WrittenFile& file, haddr_t begin, std::span<const std::byte> bytes) {
  for_each_page(begin, bytes.size(), [&](haddr_t page, std::size_t within, std::size_t at, std::size_t length) {
    std::vector<std::byte>& kept = file.kept[page];
    if (kept.empty()) {
      kept.resize(page_size);
      static_cast<void>(read_file(file.descriptor, page * page_size, kept));  // what cannot be read stays zero
    }
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length,
                kept.begin() + static_cast<std::ptrdiff_t>(within));
  });
}

H5FD_t* open_file(const char* name, unsigned, hid_t access, haddr_t) {
  const auto* const outcome = static_cast<WriteOutcome* const*>(H5Pget_driver_info(access));
  if (outcome == nullptr) return nullptr;
  auto file = std::make_unique<WrittenFile>();
  static_cast<H5FD_t&>(*file) = {};
  file->outcome = *outcome;
  file->descriptor = ::open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file->descriptor < 0) {
    note(*file);
    return nullptr;
  }
  return file.release();
}

herr_t close_file(H5FD_t* library) {
  const std::unique_ptr<WrittenFile> file(&ours(library));
  if (::close(file->descriptor) != 0) note(*file);
  return 0;
}

// As of the library's own driver, so that the same content is laid out alike.
herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t end_of_addresses(const H5FD_t* file, H5FD_mem_t) {
  return ours(file).end_of_addresses;
}
herr_t set_end_of_addresses(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  ours(file).end_of_addresses = end;
  return 0;
}
haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t) {
  return ours(file).end_of_file;
}

herr_t read(H5FD_t* library, H5FD_mem_t, hid_t, haddr_t begin, std::size_t size, void* buffer) {
  WrittenFile& file = ours(library);
  const std::span<std::byte> out(static_cast<std::byte*>(buffer), size);
  if (!read_file(file.descriptor, begin, out)) return -1;
  if (file.kept.empty()) return 0;
  for_each_page(begin, size, [&](haddr_t page, std::size_t within, std::size_t at, std::size_t length) {
    const auto kept = file.kept.find(page);
    if (kept == file.kept.end()) return;
    std::copy_n(kept->second.begin() + static_cast<std::ptrdiff_t>(within), length,
                out.begin() + static_cast<std::ptrdiff_t>(at));
  });
  return 0;
}

herr_t write(H5FD_t* library, H5FD_mem_t kind, hid_t, haddr_t begin, std::size_t size, const void* buffer) {
  WrittenFile& file = ours(library);
  const std::span<const std::byte> in(static_cast<const std::byte*>(buffer), size);
  std::size_t at = 0;
  while (file.outcome->error == 0 && at < size) {
    const ssize_t count = ::pwrite(file.descriptor, in.data() + at, size - at, static_cast<off_t>(begin + at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      note(file);
    } else {
      at += static_cast<std::size_t>(count);
    }
  }
  if (file.outcome->error != 0 && kind != H5FD_MEM_DRAW) keep(file, begin, in);
  file.end_of_file = std::max(file.end_of_file, begin + size);
  return 0;
}

herr_t truncate(H5FD_t* library, hid_t, hbool_t) {
  WrittenFile& file = ours(library);
  if (file.end_of_file == file.end_of_addresses) return 0;
  if (file.outcome->error == 0 && ::ftruncate(file.descriptor, static_cast<off_t>(file.end_of_addresses)) != 0) {
    note(file);
  }
  file.end_of_file = file.end_of_addresses;
  return 0;
}

hid_t driver() {
  static const hid_t registered = [] {
    H5FD_class_t made{};
#if H5_VERSION_GE(1, 13, 0)
    made.version = H5FD_CLASS_VERSION;
    made.value = static_cast<H5FD_class_value_t>(601);  // the library leaves those from 512 on to others
#endif
    made.name = "luban-write";
    made.maxaddr = HADDR_MAX;
    made.fc_degree = H5F_CLOSE_WEAK;
    made.fapl_size = sizeof(WriteOutcome*);
    made.open = &open_file;
    made.close = &close_file;
    made.query = &query;
    made.get_eoa = &end_of_addresses;
    made.set_eoa = &set_end_of_addresses;
    made.get_eof = &end_of_file;
    made.read = &read;
    made.write = &write;
    made.truncate = &truncate;
    const H5FD_mem_t map[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
    std::copy(std::begin(map), std::end(map), made.fl_map);
    return H5FDregister(&made);
  }();
  return registered;
}

}  // namespace

void set_write_driver(const Hdf5Lock&, hid_t access, WriteOutcome& outcome, const Hdf5Place& place) {
  WriteOutcome* const address = &outcome;
  checked(H5Pset_driver(access, driver(), &address), "H5Pset_driver", place);
}

}  // namespace luban::history::detail
