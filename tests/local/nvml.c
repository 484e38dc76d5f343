/* The driver's side of NVML, as far as anybody asks it here: what nvmlDevice… answers stands in the file $NVML_STATE.
 *
 *   driver VERSION CUDA
 *   gpu UUID TOTAL USED UTILISATION TEMPERATURE MILLIWATTS LIMIT MHZ REASONS PROCESSES NAME…
 *
 * Bytes, per cent, °C; PROCESSES is "-" or PID:BYTES,PID:BYTES. The file is read at every question. Names, structures and
 * codes are those of nvml.h, so NVIDIA's own binding for Python loads this as libnvidia-ml.so.1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9, UNKNOWN = 999 };

struct memory { unsigned long long total, free, used; };
struct utilization { unsigned int gpu, memory; };
struct process { unsigned int pid; unsigned long long bytes; unsigned int gpu_instance, compute_instance; };
struct gpu {
    char uuid[96], name[96], processes[512];
    unsigned long long total, used, reasons;
    unsigned int util, heat, power, clock;
};

static char driver[80];
static int cuda;

/* Reads the file; how many GPUs it has, and the one with this index into found. */
static int state(int index, struct gpu *found)
{
    const char *path = getenv("NVML_STATE");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[1024];
    int count = 0;
    if (!file)
        return -1;
    while (fgets(line, sizeof line, file)) {
        struct gpu gpu;
        memset(&gpu, 0, sizeof gpu);
        if (sscanf(line, "driver %79s %d", driver, &cuda) == 2)
            continue;
        if (sscanf(line, "gpu %95s %llu %llu %u %u %u %u %llu %511s %95[^\n]", gpu.uuid, &gpu.total, &gpu.used,
                   &gpu.util, &gpu.heat, &gpu.power, &gpu.clock, &gpu.reasons, gpu.processes, gpu.name) != 10)
            continue;
        if (count++ == index && found)
            *found = gpu;
    }
    fclose(file);
    return count;
}

/* A handle is the index, and one: NULL is none. */
static int of(void *handle, struct gpu *gpu)
{
    int index = (int)(long)handle - 1;
    return index >= 0 && state(index, gpu) > index ? SUCCESS : UNKNOWN;
}

static int text(char *into, unsigned int size, const char *from)
{
    if (strlen(from) >= size)
        return INSUFFICIENT_SIZE;
    strcpy(into, from);
    return SUCCESS;
}

#define NUMBER(NAME, TYPE, FIELD)                                                                                      \
    int NAME(void *handle, TYPE *value)                                                                                \
    {                                                                                                                  \
        struct gpu gpu;                                                                                                \
        int code = of(handle, &gpu);                                                                                   \
        if (code == SUCCESS)                                                                                           \
            *value = gpu.FIELD;                                                                                        \
        return code;                                                                                                   \
    }

int nvmlInitWithFlags(unsigned int flags) { (void)flags; return state(-1, NULL) < 0 ? DRIVER_NOT_LOADED : SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { return code == NOT_SUPPORTED ? "Not Supported" : "Unknown Error"; }

int nvmlSystemGetDriverVersion(char *into, unsigned int size) { state(-1, NULL); return text(into, size, driver); }
int nvmlSystemGetCudaDriverVersion(int *version) { state(-1, NULL); *version = cuda; return SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = (unsigned int)state(-1, NULL); return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle)
{
    *handle = (void *)(long)(index + 1);
    return of(*handle, NULL);
}

int nvmlDeviceGetUUID(void *handle, char *into, unsigned int size)
{
    struct gpu gpu;
    int code = of(handle, &gpu);
    return code == SUCCESS ? text(into, size, gpu.uuid) : code;
}

int nvmlDeviceGetName(void *handle, char *into, unsigned int size)
{
    struct gpu gpu;
    int code = of(handle, &gpu);
    return code == SUCCESS ? text(into, size, gpu.name) : code;
}

int nvmlDeviceGetMemoryInfo(void *handle, struct memory *memory)
{
    struct gpu gpu;
    int code = of(handle, &gpu);
    if (code == SUCCESS)
        *memory = (struct memory){gpu.total, gpu.total - gpu.used, gpu.used};
    return code;
}

int nvmlDeviceGetUtilizationRates(void *handle, struct utilization *rates)
{
    struct gpu gpu;
    int code = of(handle, &gpu);
    if (code == SUCCESS)
        *rates = (struct utilization){gpu.util, 0};
    return code;
}

NUMBER(nvmlDeviceGetPowerUsage, unsigned int, power)
NUMBER(nvmlDeviceGetCurrentClocksEventReasons, unsigned long long, reasons)

int nvmlDeviceGetTemperature(void *handle, unsigned int sensor, unsigned int *degrees)
{
    struct gpu gpu;
    int code = sensor == 0 ? of(handle, &gpu) : NOT_SUPPORTED;
    if (code == SUCCESS)
        *degrees = gpu.heat;
    return code;
}

int nvmlDeviceGetClockInfo(void *handle, unsigned int type, unsigned int *mhz)
{
    struct gpu gpu;
    int code = type == 1 ? of(handle, &gpu) : NOT_SUPPORTED;
    if (code == SUCCESS)
        *mhz = gpu.clock;
    return code;
}

int nvmlDeviceGetMigMode(void *handle, unsigned int *current, unsigned int *pending)
{
    (void)handle, (void)current, (void)pending;
    return NOT_SUPPORTED;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned int *count, struct process *into)
{
    struct gpu gpu;
    unsigned int found = 0, room = *count;
    int code = of(handle, &gpu);
    char *at = code == SUCCESS ? strtok(gpu.processes, ",") : NULL;
    for (; at; at = strtok(NULL, ",")) {
        struct process process = {0, 0, 0xffffffff, 0xffffffff};
        if (sscanf(at, "%u:%llu", &process.pid, &process.bytes) != 2)
            continue;
        if (found < room && into)
            into[found] = process;
        found++;
    }
    *count = found;
    return code != SUCCESS ? code : found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, unsigned int *count, struct process *into)
{
    (void)handle, (void)into;
    *count = 0;
    return SUCCESS;
}
