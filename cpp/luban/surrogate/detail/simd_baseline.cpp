#define LUBAN_SIMD_LEVEL baseline
#define LUBAN_SIMD_WIDTH 2
#include <luban/surrogate/detail/simd_body.hpp>

namespace luban::surrogate::detail {

extern const SimdTable simd_table_baseline;
const SimdTable simd_table_baseline = loops;

}  // namespace luban::surrogate::detail
