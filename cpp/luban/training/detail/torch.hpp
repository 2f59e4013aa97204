#pragma once

// The one header through which torch enters: precompiled for the module.
#include <torch/torch.h>
