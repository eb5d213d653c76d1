/** The driver of huge pages, as a part that huge-pages.ts loads. */
export { Hugetlb, hugetlbfs } from '@vmarea/hugetlbfs';
