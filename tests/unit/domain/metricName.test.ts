import { describe, expect, it } from '@jest/globals';
import { catalogueEntry } from '../../../src/domain/metricCatalogue.ts';
import { parseMetricName } from '../../../src/domain/metricName.ts';

describe('the name of a metric', () => {
  it.each([
    ['cpu_load', 'cpu_load', null],
    ['disk_used_ratio[/var]', 'disk_used_ratio', '/var'],
    ['disk_used_ratio[a[b]]', 'disk_used_ratio', 'a[b]'],
    ['disk_used_ratio[]', 'disk_used_ratio[]', null],
    ['[/var]', '[/var]', null],
    ['a[b]c', 'a[b]c', null],
    ['a]b', 'a]b', null],
  ])('should be read from %s', (name, base, dimension) => {
    expect(parseMetricName(name)).toEqual({ base, dimension });
  });

  it('should be known where our agent sends it', () => {
    expect(catalogueEntry('disk_used_ratio')).toMatchObject({ group: 'disk', isSuggestedCritical: true });
    expect(catalogueEntry('service_nginx_ok')).toMatchObject({ group: 'services', defaultCondition: 'eq' });
    expect(catalogueEntry('constructor')).toBeNull();
  });
});
