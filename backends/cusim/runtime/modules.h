// The loaded modules: where their code and data lie, and the places in their code that access memory.
#pragma once
#include <link.h>

#include <vector>

#include "machine.h"
#include "shadow.h"

namespace cusim {

struct Module {
    const ModuleInfo* info;
    address low = 0, high = 0;            // all of the image
    address code_low = 0, code_high = 0;  // its executable part
    address data_low = 0, data_high = 0;  // its writable part
    Shadow data_shadow;                   // for __device__ variables
    std::vector<unsigned> sites;          // by offset in the code: the number of the site, 0 if there is none yet

    explicit Module(const ModuleInfo* module_info) : info(module_info) { dl_iterate_phdr(find, this); }

    bool contains(address where) const { return where - low < high - low; }

 private:
    static int find(dl_phdr_info* image, size_t, void* data) {
        Module& module = *static_cast<Module*>(data);
        const address wanted = reinterpret_cast<address>(module.info);
        address low = ~address(0), high = 0;
        for (int i = 0; i < image->dlpi_phnum; ++i) {
            const auto& part = image->dlpi_phdr[i];
            if (part.p_type != PT_LOAD) continue;
            low = std::min<address>(low, image->dlpi_addr + part.p_vaddr);
            high = std::max<address>(high, image->dlpi_addr + part.p_vaddr + part.p_memsz);
        }
        if (wanted < low || wanted >= high) return 0;
        module.low = low;
        module.high = high;
        for (int i = 0; i < image->dlpi_phnum; ++i) {
            const auto& part = image->dlpi_phdr[i];
            const address start = image->dlpi_addr + part.p_vaddr, end = start + part.p_memsz;
            if (part.p_type == PT_LOAD && part.p_flags & PF_X) module.code_low = start, module.code_high = end;
            if (part.p_type == PT_LOAD && part.p_flags & PF_W) module.data_low = start, module.data_high = end;
        }
        return 1;
    }
};

struct Region;

// A place in a kernel that accesses memory, and where it last found what it accessed, in which launch.
struct Site {
    const void* place;
    Region* region = nullptr;
    unsigned launch = 0;
};

inline std::vector<Site> sites(1);  // of all modules; number 0 is unused

inline unsigned site_number(Module& module, const void* place) {
    const address offset = reinterpret_cast<address>(place) - module.code_low;
    if (module.sites.empty()) module.sites.resize(module.code_high - module.code_low);
    if (offset >= module.sites.size()) return 0;
    unsigned& number = module.sites[offset];
    if (number == 0) {
        number = static_cast<unsigned>(sites.size());
        sites.push_back({place});
    }
    return number;
}

}  // namespace cusim
